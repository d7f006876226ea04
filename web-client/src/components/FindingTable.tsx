import { Code, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Finding } from "../api/fleet";
import { ConfidenceBadge, VerdictBadge } from "./Badges";
import { Time } from "./Time";

export function subjectText(s: Finding["subject"]): string {
  const parts = [s.cluster ? `${s.site}/${s.cluster}` : s.site, s.infrastructure, s.node];
  return parts.filter(Boolean).join(" ");
}

/** Findings with what they rest on and what to do about them. */
export function FindingTable({ findings }: { findings: Finding[] }) {
  return (
    <Table className="sticky" verticalSpacing={8}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Severity</Table.Th>
          <Table.Th scope="col">Rule</Table.Th>
          <Table.Th scope="col">Subject</Table.Th>
          <Table.Th scope="col" w="50%">
            What and why
          </Table.Th>
          <Table.Th scope="col">Since</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {findings.map((f) => (
          <Table.Tr key={f.id} style={{ verticalAlign: "top" }} data-finding={f.rule}>
            <Table.Td>
              <VerdictBadge verdict={f.verdict} severity={f.severity} />
            </Table.Td>
            <Table.Td>
              <Link to="/rules" hash={f.rule}>
                {f.rule}
              </Link>
              <Text size="xs" c="dimmed">
                {f.title}
              </Text>
            </Table.Td>
            <Table.Td>
              <Link to="/sites/$site" params={{ site: f.subject.site }}>
                {subjectText(f.subject)}
              </Link>
            </Table.Td>
            <Table.Td>
              <Stack gap={4}>
                <Text size="sm">{f.message}</Text>
                {f.missing !== undefined && f.missing.length > 0 && (
                  <Text size="sm" style={{ color: "var(--unknown)" }}>
                    Not known: {f.missing.join(", ")}.
                  </Text>
                )}
                {f.remedy && (
                  <Text size="sm">
                    <b>Do:</b> {f.remedy}
                  </Text>
                )}
                <Evidence finding={f} />
              </Stack>
            </Table.Td>
            <Table.Td>
              <Time at={f.failingSince ?? f.firstSeen} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Evidence({ finding: f }: { finding: Finding }) {
  const entries = Object.entries(f.evidence ?? {});
  return (
    <details>
      <summary>
        <Text span size="xs">
          Evidence and source
        </Text>
      </summary>
      <Group gap="xs" mt={4}>
        <ConfidenceBadge confidence={f.confidence} />
        {f.reference && (
          <Text size="xs" style={{ overflowWrap: "anywhere" }}>
            {f.reference}
          </Text>
        )}
      </Group>
      {entries.length > 0 && (
        <Code block mt={4}>
          {entries.map(([k, v]) => `${k}: ${Array.isArray(v) ? v.join(", ") : String(v)}`).join("\n")}
        </Code>
      )}
    </details>
  );
}
