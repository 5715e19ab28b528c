/** The settings are wrong; the message says which and how, a line each. */
export class SettingsError extends Error {}
