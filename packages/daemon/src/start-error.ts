/** The program cannot start as it was asked to: the operator's mistake, told in one line, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
