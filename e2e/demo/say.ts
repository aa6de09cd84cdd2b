const colours = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const from = performance.now();
let count = 0;

/** One line for the person who watches. */
export function say(line: string): void {
  process.stdout.write(`  ${line}\n`);
}

/** Something that was written or answered, set apart from what we say about it. */
export function quote(text: string): void {
  for (const line of text.trimEnd().split("\n")) process.stdout.write(`    ${dim("│")} ${line}\n`);
}

/** A heading, numbered, with the time since the start. */
export function step(title: string): void {
  count += 1;
  const seconds = ((performance.now() - from) / 1000).toFixed(0);
  process.stdout.write(`\n${bold(`${count}. ${title}`)} ${dim(`(${seconds} s)`)}\n`);
}

/** A command as a person would type it. */
export function typed(commandLine: string): void {
  process.stdout.write(`  ${dim("$")} ${commandLine}\n`);
}

export function bold(text: string): string {
  return colours ? `\x1b[1m${text}\x1b[0m` : text;
}

export function dim(text: string): string {
  return colours ? `\x1b[2m${text}\x1b[0m` : text;
}
