import { Code, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { Finding } from "../api/fleet";
import { ConfidenceBadge, severities, VerdictBadge } from "./Badges";
import { Head } from "./Head";
import { type RowProps, Rows } from "./Rows";
import { absolute, Time } from "./Time";

/** Findings in the order given, with what they rest on and what to do about them. */
export function FindingTable({ findings }: { findings: Finding[] }) {
  return (
    <Table className="sticky" verticalSpacing={8}>
      <Head columns={columns} />
      <Rows items={findings} id={(f) => f.id} row={FindingRow} columns={5} height={118} />
    </Table>
  );
}

/** Findings under headings: what fails by severity, what is waived, what is unknown. */
export function GroupedFindings({ findings }: { findings: Finding[] }) {
  return (
    <Table className="sticky" verticalSpacing={8}>
      <Head columns={columns} />
      {groups(findings).map((g) => (
        <tbody key={g.name} className="rows">
          <tr className="group">
            <th colSpan={5} scope="rowgroup" style={{ color: `var(--${g.color})` }}>
              {g.name} ({g.findings.length})
            </th>
          </tr>
          {g.findings.map((f) => (
            <FindingRow key={f.id} item={f} />
          ))}
        </tbody>
      ))}
    </Table>
  );
}

interface Section {
  name: string;
  color: string;
  findings: Finding[];
}

/** Every finding is in exactly one group; groups without any are left out. */
export function groups(findings: Finding[]): Section[] {
  const failing = findings.filter((f) => f.verdict === "fail" && !f.waiver);
  const all: Section[] = severities.map((s) => ({
    name: `${s[0]?.toUpperCase()}${s.slice(1)}`,
    color: s,
    findings: failing.filter((f) => f.severity === s),
  }));
  all.push(
    { name: "Unknown", color: "unknown", findings: findings.filter((f) => f.verdict === "unknown") },
    { name: "Waived", color: "info", findings: findings.filter((f) => f.verdict === "fail" && f.waiver) },
    {
      name: "Passed or not applicable",
      color: "good",
      findings: findings.filter((f) => f.verdict === "pass" || f.verdict === "not-applicable"),
    },
  );
  return all.filter((g) => g.findings.length > 0);
}

const columns = [
  { name: "Severity", w: "9%" },
  { name: "Rule", w: "20%" },
  { name: "Subject", w: "14%" },
  "What and why",
  { name: "Since", w: "9%" },
];

const FindingRow = memo(function FindingRow({ item: f, measure, index }: RowProps<Finding>) {
  return (
    <tr className="top" data-finding={f.rule} ref={measure} data-index={index}>
      <td>
        <VerdictBadge verdict={f.verdict} severity={f.severity} />
        {f.verdict === "unknown" && <span className="sub">{f.severity} if it fails</span>}
      </td>
      <td>
        <Link to="/rules" hash={f.rule}>
          {f.rule}
        </Link>
        <span className="sub">{f.title}</span>
      </td>
      <td className="any">
        <Link to="/sites/$site" params={{ site: f.subject.site }}>
          {f.subject.cluster ? `${f.subject.site}/${f.subject.cluster}` : f.subject.site}
        </Link>
        {f.subject.infrastructure && <span className="sub">{f.subject.infrastructure}</span>}
        {f.subject.node && <span className="sub">node {f.subject.node}</span>}
      </td>
      <td className="any">
        <Stack gap={4}>
          <Text size="sm">{f.message}</Text>
          {f.missing !== undefined && f.missing.length > 0 && (
            <Text size="sm" style={{ color: "var(--unknown)" }}>
              Not known: {f.missing.join(", ")}.
            </Text>
          )}
          {f.waiver && (
            <Text size="sm">
              <b>Waived</b> until {absolute(f.waiver.expires)}: {f.waiver.reason}
            </Text>
          )}
          {f.remedy && (
            <Text size="sm">
              <b>Do:</b> {f.remedy}
            </Text>
          )}
          <Evidence finding={f} />
        </Stack>
      </td>
      <td>
        <Time at={f.failingSince ?? f.firstSeen} />
      </td>
    </tr>
  );
});

function Evidence({ finding: f }: { finding: Finding }) {
  const entries = Object.entries(f.evidence ?? {});
  return (
    <details>
      <summary>
        <Text span size="xs">
          Evidence and source
        </Text>
      </summary>
      <Group gap="xs" mt={4} wrap="nowrap" align="start">
        <ConfidenceBadge confidence={f.confidence} />
        {f.reference && (
          <Text size="xs" style={{ overflowWrap: "anywhere" }}>
            {f.reference}
          </Text>
        )}
      </Group>
      {entries.length > 0 && (
        <Code component="pre" block mt={4} style={{ whiteSpace: "pre-wrap" }}>
          {entries.map(([k, v]) => `${k}: ${plain(v)}`).join("\n")}
        </Code>
      )}
    </details>
  );
}

/** A value of the evidence in words; what is nested stays readable. */
export function plain(v: unknown): string {
  if (Array.isArray(v)) {
    return v.map(plain).join(", ");
  }
  if (typeof v === "object" && v !== null) {
    return Object.entries(v)
      .map(([k, inner]) => `${k} ${plain(inner)}`)
      .join(", ");
  }
  return String(v);
}
