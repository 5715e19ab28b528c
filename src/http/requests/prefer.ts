/**
 * Returns true if the `prefer` header of a request has this preference. Preferences are separated by commas, and each
 * may have parameters after semicolons. Quoted text is a value (RFC 7240).
 */
export const prefers = (preference: string, header: string | string[] | undefined): boolean =>
  [header].flat().some((value) =>
    value
      ?.replaceAll(/"(?:[^"\\]|\\.)*(?:"|\\?$)/gs, '')
      .split(',')
      .some((each) => each.split(';', 1)[0].trim().toLowerCase() === preference),
  );
