import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "./api.ts";

/** The fields we read of the `Status` object an API server explains itself with. */
interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** Nobody is made to wait longer than this, whatever the server asks for. */
const MAX_RETRY_AFTER_MS = 60_000;

/** The error an HTTP answer of 400 and above stands for. `body` need not be JSON. */
export function errorOfAnswer(code: number, body: string, headers: IncomingHttpHeaders): ApiError {
  const parsed = parseStatus(body);
  const message = parsed.message ?? (body.trim().slice(0, 200) || `HTTP ${code}`);
  const seconds = Number(headers["retry-after"] ?? parsed.details?.retryAfterSeconds ?? 0);
  return new ApiError(code, parsed.reason || reasonOf(code), message, {
    retryAfterMs: retryAfterMs(seconds),
  });
}

/** The error inside a watch. */
export function errorOfStatus(status: unknown): ApiError {
  const { code, reason, message, details } = (isObject(status) ? status : {}) as Status;
  const number = typeof code === "number" ? code : 500;
  return new ApiError(number, reason || reasonOf(number), message ?? "the watch ended with an error", {
    retryAfterMs: retryAfterMs(details?.retryAfterSeconds ?? 0),
  });
}

function parseStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    return isObject(parsed) && parsed["kind"] === "Status" ? parsed : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function reasonOf(code: number): string {
  return REASONS[code] ?? (code >= 500 ? "InternalError" : "BadRequest");
}

/** For answers without a Status object: proxies and load balancers in between. */
const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Gone",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function retryAfterMs(seconds: number): number {
  return Number.isFinite(seconds) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(0, seconds * 1000)) : 0;
}
