/**
 * Whether a request prefers that. Preferences are separated by commas, each with its parameters behind semicolons; what is quoted is a
 * value (RFC 7240).
 */
export const prefers = (preference: string, header: string | string[] | undefined): boolean =>
  [header].flat().some((value) =>
    value
      ?.replaceAll(/"(?:[^"\\]|\\.)*(?:"|\\?$)/gs, '')
      .split(',')
      .some((each) => each.split(';', 1)[0].trim().toLowerCase() === preference),
  );
