import { parseArgs } from "node:util";

/** node ask.ts URL [--within-ms 10000]: asks until there is an answer, whatever its status, and prints the body. */
const ATTEMPT_MS = 1_000;
const PAUSE_MS = 25;

const { values, positionals } = parseArgs({
  options: { "within-ms": { type: "string", default: "10000" } },
  allowPositionals: true,
});
const [url] = positionals;
if (url === undefined) throw new Error("usage: ask.ts URL [--within-ms 10000]");
const due = performance.now() + Number(values["within-ms"]);

async function attempt(address: string): Promise<string> {
  const response = await fetch(address, {
    signal: AbortSignal.timeout(ATTEMPT_MS),
    headers: { connection: "close" },
  });
  return await response.text();
}

for (;;) {
  try {
    process.stdout.write(await attempt(url));
    break;
  } catch (error) {
    if (performance.now() > due) {
      process.stderr.write(
        `no answer from ${url}: ${error instanceof Error ? String(error.cause ?? error) : error}\n`,
      );
      process.exitCode = 1;
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
