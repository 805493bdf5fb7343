/** The version of this package, also sent in headers. */
export const version = "0.1.0";
