import { Badge, Card, Group, List, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { percent } from "./ClusterView";

const objectives: Record<string, string> = {
  cheapest: "Cheapest that meets the need",
  "fewest-changes": "Fewest changes",
  "most-available": "Most available",
};

/** What the cluster should be, up to three ways there, and why the other architectures were rejected. */
export function RecommendationView({ r, now }: { r: Schemas["Recommendation"]; now: Schemas["ClusterAssessment"] }) {
  return (
    <Stack gap="sm" mt="lg">
      <Title order={3}>
        Recommendation: {r.architecture === "" ? "no option meets the objectives" : r.architecture}
        {r.architecture !== "" && r.architecture === now.recognised.architecture ? " (as it is)" : ""}
      </Title>
      <List size="sm">
        {r.reasons.map((reason) => (
          <List.Item key={reason}>{reason}</List.Item>
        ))}
      </List>
      {r.advice !== undefined && r.advice.length > 0 && <AdviceTable advice={r.advice} />}
      <SimpleGrid cols={{ base: 1, lg: Math.max(1, r.options.length) }}>
        {r.options.map((o) => (
          <OptionCard key={o.objective + o.architecture} o={o} serving={now.availability.serving} />
        ))}
      </SimpleGrid>
      {r.rejected.length > 0 && (
        <details>
          <summary>Why not another architecture ({r.rejected.length})</summary>
          <List size="sm" mt={4}>
            {r.rejected.map((x) => (
              <List.Item key={x.architecture}>
                <b>{x.architecture}</b>: {x.because}
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
    <Table fz="sm" withTableBorder>
      <Table.Caption>Ways to bring ThingWorx and its database together</Table.Caption>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Move</Table.Th>
          <Table.Th scope="col">To</Table.Th>
          <Table.Th scope="col">Residency</Table.Th>
          <Table.Th scope="col">Depends on it</Table.Th>
          <Table.Th scope="col">Why</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {advice.map((a) => (
          <Table.Tr key={a.move + a.to}>
            <Table.Th scope="row">
              {a.move}{" "}
              {a.preferred && (
                <Badge tt="none" variant="default">
                  preferred
                </Badge>
              )}
            </Table.Th>
            <Table.Td>{a.to}</Table.Td>
            <Table.Td>{a.residency}</Table.Td>
            <Table.Td>{(a.dependants ?? []).join(", ") || "nothing else"}</Table.Td>
            <Table.Td>{a.why}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function OptionCard({ o, serving }: { o: Schemas["Option"]; serving: number }) {
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={4}>
        <Title order={4} size="sm">
          {objectives[o.objective] ?? o.objective}
        </Title>
        <Badge variant="default" tt="none">
          {o.architecture}
        </Badge>
      </Group>
      <Text size="sm">
        {percent(o.availability.serving)} serving (now {percent(serving)}), cost index {o.costIndex.toFixed(2)},{" "}
        {o.changes} {o.changes === 1 ? "change" : "changes"}
      </Text>
      <Table fz="xs" verticalSpacing={3} mt={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Part</Table.Th>
            <Table.Th scope="col" className="numeric">
              Count
            </Table.Th>
            <Table.Th scope="col">Size</Table.Th>
            <Table.Th scope="col">Where</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {o.components.map((b) => (
            <Table.Tr key={[b.kind, b.engine, b.mode, b.region, b.zone, b.sharedOn].join()}>
              <Table.Th scope="row">
                {b.kind}
                {b.engine ? ` (${b.engine}${b.mode ? `, ${b.mode}` : ""})` : b.mode ? ` (${b.mode})` : ""}
              </Table.Th>
              <Table.Td className="numeric">{b.count}</Table.Td>
              <Table.Td>
                {b.sharedOn
                  ? `on the machines of ${b.sharedOn}`
                  : [b.cpu && `${b.cpu} vCPU`, b.memoryGiB && `${b.memoryGiB} GiB`, b.sku].filter(Boolean).join(", ")}
              </Table.Td>
              <Table.Td>{[b.region, b.zone && `zone ${b.zone}`].filter(Boolean).join(" ")}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {o.migration.length > 0 && (
        <details>
          <summary>
            <Text span size="sm">
              Migration in {o.migration.length} steps
            </Text>
          </summary>
          <ol style={{ paddingInlineStart: "1.4em", fontSize: "var(--mantine-font-size-xs)" }}>
            {o.migration.map((s) => (
              <li key={s.step}>
                {s.do} <i>Downtime {s.downtime}.</i> {s.precondition && `Before: ${s.precondition} `}Back: {s.rollback}
              </li>
            ))}
          </ol>
        </details>
      )}
      {o.assumptions !== undefined && o.assumptions.length > 0 && (
        <details>
          <summary>
            <Text span size="sm">
              Assumptions ({o.assumptions.length})
            </Text>
          </summary>
          <List size="xs">
            {o.assumptions.map((a) => (
              <List.Item key={a}>{a}</List.Item>
            ))}
          </List>
        </details>
      )}
    </Card>
  );
}
