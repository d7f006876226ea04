const names = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

/** The English name of an ISO 3166-1 code; what is no code is returned as it is. */
export function countryName(code: string): string {
  try {
    return names.of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}

/** A country by name, with the code that filters take. */
export function Country({ code }: { code: string | undefined }) {
  if (!code) {
    return <>unknown</>;
  }
  const name = countryName(code);
  return (
    <>
      {name}
      {name !== code && <span className="sub">{code}</span>}
    </>
  );
}
