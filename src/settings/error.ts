/** The settings are wrong. The message has a line for each fault. */
export class SettingsError extends Error {}
