/** Owner of what the controller applies, in the eyes of the API server. */
export const FIELD_MANAGER = "herald-controller";
