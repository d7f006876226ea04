import { Badge, Group, Tooltip } from "@mantine/core";
import type { Schemas } from "../api/client";
import type { FindingCounts } from "../api/fleet";

export const severities = ["critical", "high", "medium", "low", "info"] as const;
export type Severity = (typeof severities)[number];

export function isSeverity(s: string): s is Severity {
  return (severities as readonly string[]).includes(s);
}

/** A severity or, for what could not be judged, unknown: always with its word, never by colour alone. */
export function SeverityBadge({ severity }: { severity: string | null }) {
  const word = severity ?? "none failing";
  return (
    <Badge variant="outline" tt="none" style={{ color: `var(--${severity ?? "good"})`, borderColor: "currentColor" }}>
      {word}
    </Badge>
  );
}

export function VerdictBadge({ verdict, severity }: { verdict: string; severity: string }) {
  return verdict === "fail" ? (
    <SeverityBadge severity={severity} />
  ) : (
    <SeverityBadge severity={verdict === "unknown" ? "unknown" : null} />
  );
}

/** How many findings fail by severity, and how many could not be judged. A site with unknown verdicts is never shown as fine. */
export function Counts({ counts }: { counts: FindingCounts }) {
  const shown = [...severities, "unknown" as const].filter((s) => counts[s] > 0);
  if (shown.length === 0) {
    return <SeverityBadge severity={null} />;
  }
  return (
    <Group gap={4} wrap="nowrap">
      {shown.map((s) => (
        <Tooltip key={s} label={`${counts[s]} ${s}`}>
          <Badge
            variant="outline"
            tt="none"
            px={6}
            style={{ color: `var(--${s})`, borderColor: "currentColor" }}
            aria-label={`${counts[s]} ${s}`}
          >
            {counts[s]} {s}
          </Badge>
        </Tooltip>
      ))}
    </Group>
  );
}

const lives: Record<Schemas["Liveness"], { color: string; title: string }> = {
  live: { color: "green", title: "Heard of within the expected time" },
  late: { color: "yellow", title: "Heard of later than expected" },
  stale: { color: "orange", title: "Not heard of for long; what is shown may no longer hold" },
  lost: { color: "red", title: "Lost; what is shown is the last that was known" },
};

export function LivenessBadge({ liveness }: { liveness: Schemas["Liveness"] }) {
  const l = lives[liveness];
  return (
    <Badge variant="dot" color={l.color} tt="none" title={l.title}>
      {liveness}
    </Badge>
  );
}

const matches = {
  true: { severity: "good", text: "same region" },
  false: { severity: "critical", text: "mismatch" },
  null: { severity: "unknown", text: "unknown" },
};

export function RegionMatchBadge({ match }: { match: boolean | null }) {
  const m = matches[`${match}`];
  return (
    <Badge variant="outline" tt="none" style={{ color: `var(--${m.severity})`, borderColor: "currentColor" }}>
      {m.text}
    </Badge>
  );
}

const bases: Record<Schemas["Confidence"], { label: string; title: string }> = {
  official: { label: "official", title: "Stated by PTC or Microsoft" },
  inferred: { label: "inferred", title: "Our inference; the vendor does not state it" },
  policy: { label: "policy", title: "Set by the policy or the objectives" },
  user: { label: "own rule", title: "A rule of your own" },
};

export function ConfidenceBadge({ confidence }: { confidence: Schemas["Confidence"] }) {
  const b = bases[confidence];
  return (
    <Badge variant="default" tt="none" title={b.title}>
      {b.label}
    </Badge>
  );
}
