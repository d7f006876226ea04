import type { Schemas } from "../api/client";
import type { FindingCounts } from "../api/fleet";

export const severities = ["critical", "high", "medium", "low", "info"] as const;

const look = (word: string) =>
  word === "critical" ? { className: "tag filled" } : { className: "tag", style: { color: `var(--${word})` } };

/** A severity, or that nothing fails: always with its word, never by colour alone. */
export function SeverityBadge({ severity }: { severity: string | null }) {
  return <span {...look(severity ?? "good")}>{severity ?? "none failing"}</span>;
}

export function VerdictBadge({ verdict, severity }: { verdict: string; severity: string }) {
  if (verdict === "fail") {
    return <SeverityBadge severity={severity} />;
  }
  return <span {...look(verdict === "unknown" ? "unknown" : "good")}>{verdict}</span>;
}

/** How many findings fail by severity, and how many could not be judged. A site with unknown verdicts is never shown as fine. */
export function Counts({ counts }: { counts: FindingCounts }) {
  const shown = [...severities, "unknown" as const].filter((s) => counts[s] > 0);
  return (
    <span className="tags">
      {shown.length === 0 && <SeverityBadge severity={null} />}
      {shown.map((s) => (
        <span key={s} {...look(s)}>
          {counts[s]} {s}
        </span>
      ))}
      {counts.waived > 0 && (
        <span className="tag plain" title="Failing, and excused by a waiver">
          {counts.waived} waived
        </span>
      )}
    </span>
  );
}

const lives: Record<Schemas["Liveness"], { color: string; title: string }> = {
  live: { color: "var(--good)", title: "Heard of within the expected time" },
  late: { color: "var(--medium)", title: "Heard of later than expected" },
  stale: { color: "var(--high)", title: "Not heard of for long; what is shown may no longer hold" },
  lost: { color: "var(--critical)", title: "Lost; what is shown is the last that was known" },
};

export function LivenessBadge({ liveness }: { liveness: Schemas["Liveness"] }) {
  const l = lives[liveness];
  return <Dot color={l.color} title={l.title} text={liveness} />;
}

export function Dot({ color, title, text, role }: { color: string; title: string; text: string; role?: "status" }) {
  return (
    <span className="tag plain dot" style={{ "--dot": color } as React.CSSProperties} title={title} role={role}>
      {text}
    </span>
  );
}

const matches = {
  true: { color: "good", text: "same region" },
  false: { color: "critical", text: "mismatch" },
  null: { color: "unknown", text: "unknown" },
};

export function RegionMatchBadge({ match }: { match: boolean | null }) {
  const m = matches[`${match}`];
  return (
    <span className="tag" style={{ color: `var(--${m.color})` }}>
      {m.text}
    </span>
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
  return <Tag title={b.title}>{b.label}</Tag>;
}

/** A word in a frame that tells nothing good or bad. */
export function Tag({ title, children }: { title?: string; children: React.ReactNode }) {
  return (
    <span className="tag plain" title={title}>
      {children}
    </span>
  );
}
