/** What an operator may want to know of a reflector's life. `status` and `reason` are those of ApiError. */
export type ReflectorNotice =
  /** A complete list is in; `tookMs` from its first request. */
  | { readonly type: "listed"; readonly objects: number; readonly tookMs: number }
  | { readonly type: "watching"; readonly resourceVersion: string }
  /** The next attempt is due in `retryInMs`. */
  | {
      readonly type: "list-failed" | "watch-failed";
      readonly status: number;
      readonly reason: string;
      readonly message: string;
      readonly retryInMs: number;
    }
  /** Nothing came for `silentMs`, not even a bookmark: the connection is given up. */
  | { readonly type: "silent"; readonly silentMs: number }
  /** The server no longer knows our resourceVersion: everything is listed anew. */
  | { readonly type: "expired" };
