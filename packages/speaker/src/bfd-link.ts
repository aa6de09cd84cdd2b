import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { WantedSession } from "@herald/bfd/effect";
import type { FromBfd, ToBfd } from "./bfd-protocol.ts";

/** The main thread's end of BFD. */
export interface BfdLink {
  /** All sessions that there should be, from now on. */
  want(sessions: readonly WantedSession[]): void;
  /** Tells the peers that sessions are shut down; resolves when they know, or `withinMs` has passed. */
  part(withinMs: number): Promise<void>;
  /** At once, without a word: peers find out. */
  close(): Promise<void>;
}

export interface BfdHandlers {
  readonly onNews: (news: Exclude<FromBfd, { type: "parted" }>) => void;
  /** The thread ended, by a bug of ours. */
  readonly onCrash: (error: Error) => void;
}

export type StartBfd = (handlers: BfdHandlers) => BfdLink;

/** The thread begins with the first session that is wanted: most nodes need none. */
export const startBfd: StartBfd = ({ onNews, onCrash }) => {
  let worker: Worker | undefined;
  let parted = Promise.withResolvers<void>();
  const begin = (): Worker => {
    const begun = new Worker(new URL("./bfd-worker.ts", import.meta.url), { name: "bfd" });
    begun.on("message", (message: FromBfd) => {
      if (message.type === "parted") parted.resolve();
      else onNews(message);
    });
    begun.on("error", (error) => onCrash(error instanceof Error ? error : new Error(String(error))));
    return begun;
  };
  const tell = (message: ToBfd): void => worker?.postMessage(message);
  return {
    want: (wanted) => {
      if (wanted.length > 0) worker ??= begin();
      tell({ type: "sessions", wanted });
    },
    part: async (withinMs) => {
      if (worker === undefined) return;
      parted = Promise.withResolvers();
      tell({ type: "part" });
      await Promise.race([parted.promise, sleep(withinMs)]);
    },
    close: async () => {
      await worker?.terminate();
    },
  };
};
