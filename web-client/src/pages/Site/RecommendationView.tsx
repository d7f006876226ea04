import { Card, Group, List, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { Tag } from "../../components/Badges";
import { Head } from "../../components/Head";
import { percent, seconds, total } from "../../numbers";
import { Assumptions } from "./ClusterView";

type Option = Schemas["Option"];

const objectives: Record<string, string> = {
  cheapest: "Cheapest",
  "fewest-changes": "Fewest changes",
  "most-available": "Most available",
};

/** What an option is best at, in words. */
export const bestAt = (o: Pick<Option, "objective" | "also">): string =>
  [o.objective, ...(o.also ?? [])]
    .map((x, i) => (i === 0 ? (objectives[x] ?? x) : (objectives[x] ?? x).toLowerCase()))
    .join(", ");

interface Props {
  r: Schemas["Recommendation"];
  now: Schemas["ClusterAssessment"];
  title: (id: string) => string;
}

/** What the cluster should be, up to three ways there, and why the other architectures were rejected. */
export function RecommendationView({ r, now, title }: Props) {
  return (
    <Stack gap="sm" mt="lg">
      <Title order={3}>
        Recommendation:{" "}
        {r.architecture === ""
          ? "no option meets the objectives"
          : `${title(r.architecture)}${r.architecture === now.recognised.architecture ? ", the architecture it has" : ""}`}
      </Title>
      {r.reasons.length > 0 && (
        <List size="sm">
          {r.reasons.map((reason) => (
            <List.Item key={reason}>{reason}</List.Item>
          ))}
        </List>
      )}
      {r.advice !== undefined && r.advice.length > 0 && <AdviceTable advice={r.advice} />}
      {r.options.length > 0 && (
        <SimpleGrid cols={{ base: 1, sm: Math.min(2, r.options.length), lg: Math.min(3, r.options.length) }}>
          {r.options.map((o) => (
            <OptionCard key={o.objective + o.architecture} o={o} now={now} title={title} />
          ))}
        </SimpleGrid>
      )}
      {r.options
        .filter((o) => o.migration.length > 0)
        .map((o) => (
          <Migration key={o.objective + o.architecture} o={o} />
        ))}
      {r.rejected.length > 0 && (
        <details>
          <summary>
            <Text span size="sm">
              Why not another architecture ({r.rejected.length})
            </Text>
          </summary>
          <List size="sm" mt={4}>
            {r.rejected.map((x) => (
              <List.Item key={x.architecture}>
                <b>{title(x.architecture)}</b>: {x.because}
              </List.Item>
            ))}
          </List>
        </details>
      )}
    </Stack>
  );
}

function AdviceTable({ advice }: { advice: Schemas["Advice"][] }) {
  return (
    <section aria-label="Ways to bring ThingWorx and its database together">
      <Text size="sm" fw={600} mb={4} className="before-table">
        Ways to bring ThingWorx and its database together
      </Text>
      <Table fz="sm" verticalSpacing={5} withTableBorder>
        <Head
          columns={[
            { name: "Move", w: "12%" },
            { name: "To", w: "12%" },
            { name: "Residency", w: "20%" },
            { name: "Depends on it", w: "26%" },
            "Why",
          ]}
        />
        <Table.Tbody>
          {advice.map((a) => (
            <Table.Tr key={a.move + a.to} className="top">
              <Table.Th scope="row">
                {a.move} {a.preferred && <Tag>preferred</Tag>}
              </Table.Th>
              <Table.Td>{a.to}</Table.Td>
              <Table.Td>{a.residency}</Table.Td>
              <Table.Td>{(a.dependants ?? []).join(", ") || "nothing else"}</Table.Td>
              <Table.Td>{a.why}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function OptionCard({ o, now, title }: { o: Option; now: Schemas["ClusterAssessment"]; title: Props["title"] }) {
  return (
    <Card withBorder padding="sm" className="card" component="section" aria-label={`Option: ${bestAt(o)}`}>
      <Title order={4} size="sm">
        {bestAt(o)}
      </Title>
      <Text size="sm">{title(o.architecture)}</Text>
      {o.overlays !== undefined && o.overlays.length > 0 && (
        <span className="tags">
          {o.overlays.map((x) => (
            <Tag key={x}>{title(x)}</Tag>
          ))}
        </span>
      )}
      <Group gap="lg" my={8}>
        <Figure
          name="Serving"
          value={percent(o.availability.serving)}
          note={now.availability.known ? `now ${percent(now.availability.serving)}` : "now unknown"}
        />
        <Figure
          name="Cost"
          value={
            o.cost !== undefined
              ? `${o.cost.toLocaleString("en", { maximumFractionDigits: 0 })} ${o.currency ?? ""}`
              : `× ${o.costIndex.toFixed(2)}`
          }
          note={o.cost !== undefined ? `× ${o.costIndex.toFixed(2)} of the cheapest` : "of the cheapest"}
        />
        <Figure name="Changes" value={String(o.changes)} note={`${o.migration.length} migration steps`} />
      </Group>
      <Table fz="xs" verticalSpacing={3} horizontalSpacing={6}>
        <Head
          columns={[{ name: "Count", w: "1%", className: "numeric", unseen: true }, "Component", "Size and place"]}
        />
        <Table.Tbody>
          {o.components.map((b) => (
            <Table.Tr key={[b.kind, b.engine, b.mode, b.region, b.zone, b.sharedOn, b.cpu].join()} className="top">
              <Table.Td className="numeric">{b.count > 0 ? `${b.count} ×` : ""}</Table.Td>
              <Table.Th scope="row">
                {b.kind}
                {(b.engine || b.mode) && <span className="sub">{[b.engine, b.mode].filter(Boolean).join(", ")}</span>}
              </Table.Th>
              <Table.Td>
                {billSize(b)}
                {billPlace(b) !== "" && <span className="sub">{billPlace(b)}</span>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <div style={{ marginTop: 6 }}>
        <Assumptions list={o.assumptions} />
      </div>
    </Card>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text fw={600} size="sm">
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {note}
      </Text>
    </div>
  );
}

export function billSize(b: Schemas["BillItem"]): string {
  if (b.sharedOn) {
    return b.mode === "embedded" ? `inside ${b.sharedOn}` : `on the machines of ${b.sharedOn}`;
  }
  return [b.cpu && `${b.cpu} vCPU`, b.memoryGiB && `${b.memoryGiB} GiB`, b.sku, b.redundancy, b.shared && "shared"]
    .filter(Boolean)
    .join(", ");
}

const billPlace = (b: Schemas["BillItem"]): string => [b.region, b.zone && `zone ${b.zone}`].filter(Boolean).join(", ");

function Migration({ o }: { o: Option }) {
  const down = total(o.migration.map((s) => s.downtime));
  return (
    <details>
      <summary>
        <Text span size="sm">
          <b>Migration, {bestAt(o).toLowerCase()}</b>: {o.migration.length}{" "}
          {o.migration.length === 1 ? "step" : "steps"}
          {down === null ? "" : down === "none" ? ", no downtime" : `, ${down} of downtime`}
          {o.migration.some((s) => s.assumed) ? " (assumed in part)" : ""}
        </Text>
      </summary>
      <Table fz="sm" verticalSpacing={6} mt={4}>
        <Head
          columns={[
            { name: "Step", w: "1%", className: "numeric" },
            "Do",
            { name: "Downtime", w: "12%" },
            { name: "Way back", w: "28%" },
            { name: "Serving after", w: "10%", className: "numeric" },
          ]}
        />
        <Table.Tbody>
          {o.migration.map((s) => (
            <Table.Tr key={s.step} className="top">
              <Table.Td className="numeric">{s.step}</Table.Td>
              <Table.Td>
                {s.do}
                {s.precondition && (
                  <span className="sub">
                    <b>Before:</b> {s.precondition}
                  </span>
                )}
              </Table.Td>
              <Table.Td>
                {seconds(s.downtime) === 0 ? "none" : <b>{s.downtime}</b>}
                {s.assumed && <span className="sub">assumed; measure it in a rehearsal</span>}
              </Table.Td>
              <Table.Td>{s.rollback}</Table.Td>
              <Table.Td className="numeric">{s.serving === undefined ? "unknown" : percent(s.serving)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </details>
  );
}
