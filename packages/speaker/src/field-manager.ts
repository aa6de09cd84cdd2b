/** Owner of what speakers apply, in the eyes of the API server. */
export const FIELD_MANAGER = "herald-speaker";
