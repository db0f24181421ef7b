/** RFC 3339 for a time as it is stored, in milliseconds since 1970. */
export const time = (milliseconds: unknown) => new Date(milliseconds as number).toISOString();
