/**
 * A whole number as YAML 1.1 writes it and YAML 1.2 does not, or means another one: `64_512`, `0b11`, and `010`,
 * which is eight. MetalLB reads its ConfigMap that way.
 *
 * @param text of a plain scalar.
 * @returns `undefined` for whatever both versions read alike.
 */
export function oldWholeNumber(text: string): number | undefined {
  const match = OLD_NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign, binary, octal, decimal = ""] = match;
  const [digits, base] =
    binary !== undefined ? [binary, 2] : octal !== undefined ? [octal, 8] : [decimal, 10];
  return (sign === "-" ? -1 : 1) * Number.parseInt(digits.replaceAll("_", ""), base);
}

const OLD_NUMBER = /^([-+]?)(?:0b_*([01][01_]*)|0_*([0-7][0-7_]*)|([1-9][0-9]*_[0-9_]*))$/;
