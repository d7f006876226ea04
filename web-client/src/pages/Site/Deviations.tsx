import { Table, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { Head } from "../../components/Head";

export interface Row {
  what: "missing" | "more than needed" | "misplaced";
  parts: string[];
  detail: string[];
  why: string;
}

/**
 * What differs from the reference architecture, one row for one reason. What is said of a node before the semicolon is its own; what is
 * said after it is the reason, which many nodes have in common.
 */
export function deviations(r: Schemas["Recognised"]): Row[] {
  const rows: Row[] = [];
  for (const [what, list] of [
    ["missing", r.missing ?? []],
    ["more than needed", r.extra ?? []],
  ] as const) {
    for (const d of list) {
      rows.push({ what, parts: [d.kind], detail: [`has ${d.have}, needs ${d.need}`], why: d.why ?? "" });
    }
  }
  const byReason = new Map<string, Map<string, string[]>>();
  for (const m of r.misplaced ?? []) {
    const cut = m.why.indexOf("; ");
    const own = cut < 0 ? "" : m.why.slice(0, cut);
    const why = cut < 0 ? m.why : m.why.slice(cut + 2);
    const reason = byReason.get(why) ?? new Map<string, string[]>();
    byReason.set(why, reason);
    reason.set(own, [...(reason.get(own) ?? []), m.node ?? m.kind]);
  }
  for (const [why, owns] of byReason) {
    rows.push({
      what: "misplaced",
      parts: [...owns.values()].flat(),
      detail: [...owns].filter(([own]) => own !== "").map(([own, nodes]) => `${nodes.join(", ")}: ${own}`),
      why,
    });
  }
  return rows;
}

export function Deviations({ r, title }: { r: Schemas["Recognised"]; title: string }) {
  const rows = deviations(r);
  if (rows.length === 0) {
    return null;
  }
  return (
    <section aria-label={`What differs from ${title}`}>
      <Title order={3} mt="lg" mb={4}>
        What differs from it
      </Title>
      <Table fz="sm" verticalSpacing={5}>
        <Head columns={[{ name: "How", w: "13%" }, { name: "What", w: "40%" }, "Why it matters"]} />
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={`${row.what} ${row.parts.join()} ${row.why}`} className="top">
              <Table.Td>{row.what}</Table.Td>
              <Table.Td>
                {row.what === "misplaced" ? (
                  row.detail.length === 0 ? (
                    row.parts.join(", ")
                  ) : (
                    row.detail.map((d) => <div key={d}>{d}</div>)
                  )
                ) : (
                  <>
                    {row.parts.join(", ")}: {row.detail.join(", ")}
                  </>
                )}
              </Table.Td>
              <Table.Td>{row.why}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
