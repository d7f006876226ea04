import { List, Stack, Table, Text, Title } from "@mantine/core";
import { memo, type ReactNode } from "react";
import type { Finding } from "../../api/fleet";
import { useArchitectureTitle } from "../../api/fleet";
import type { SimulatedCluster, Simulation } from "../../api/whatif";
import { Dot, RegionMatchBadge, VerdictBadge } from "../../components/Badges";
import { Head } from "../../components/Head";
import { type RowProps, Rows } from "../../components/Rows";
import { RuleLink } from "../../components/RuleLink";
import { SiteLink } from "../../components/SiteLink";
import { downtime, percent } from "../../numbers";

/** What would differ, worst first: what stands still, findings, clusters, who shares what. */
export function Outcome({ s }: { s: Simulation }) {
  const f = s.findings;
  const nothing =
    f.opened.length + f.closed.length + f.changed.length + f.unknown.length + s.clusters.length + s.tenancy.length ===
    0;
  return (
    <Stack gap="md">
      <div role="status">
        <Text>
          <b>{f.opened.length}</b> findings would open, <b>{f.closed.length}</b> close, <b>{f.changed.length}</b>{" "}
          change, <b>{f.unknown.length}</b> become unknown.
          {(s.down > 0 || s.degraded > 0) && (
            <>
              {" "}
              <b>{s.down}</b> {s.down === 1 ? "cluster" : "clusters"} down, <b>{s.degraded}</b> degraded.
            </>
          )}
        </Text>
        <Text size="sm" c="dimmed">
          {s.judged === 0
            ? "No site had to be judged anew."
            : `${s.judged.toLocaleString("en")} ${s.judged === 1 ? "site is" : "sites are"} concerned and judged; nothing else changes.`}
          {s.gone.length > 0 && ` No more: ${s.gone.join(", ")}.`}
        </Text>
      </div>
      {s.steps.length > 0 && (
        <section aria-label="What was changed">
          <List size="sm" type="ordered">
            {s.steps.map((step) => (
              <List.Item key={step}>{step}</List.Item>
            ))}
          </List>
          {s.assumptions.map((a) => (
            <Text key={a} size="sm" c="dimmed">
              Assumed: {a}
            </Text>
          ))}
        </section>
      )}
      {nothing && <Text>Nothing differs.</Text>}
      <Clusters clusters={s.clusters} />
      <FindingsPart id="opened" title="Findings that open" findings={f.opened} />
      <FindingsPart id="closed" title="Findings that close" findings={f.closed} />
      <FindingsPart
        id="changed"
        title="Findings that change"
        findings={f.changed.map((c) => c.after)}
        before={new Map(f.changed.map((c) => [c.after.id, c.before]))}
      />
      <FindingsPart id="unknown" title="Verdicts that become unknown" findings={f.unknown} />
      <Tenancies s={s} />
    </Stack>
  );
}

function Part({ id, title, count, children }: { id: string; title: string; count: number; children: ReactNode }) {
  return count === 0 ? null : (
    <section aria-labelledby={id}>
      <Title order={2} id={id} className="before-table">
        {title} ({count.toLocaleString("en")})
      </Title>
      {children}
    </section>
  );
}

interface FindingsProps {
  id: string;
  title: string;
  findings: Finding[];
  before?: Map<string, Finding>;
}

interface Item {
  finding: Finding;
  before?: Finding;
  /** It would not be there any more. */
  gone: boolean;
}

function FindingsPart({ id, title, findings, before }: FindingsProps) {
  const items: Item[] = findings.map((finding) => ({
    finding,
    before: before?.get(finding.id),
    gone: id === "closed",
  }));
  return (
    <Part id={id} title={title} count={items.length}>
      <Table verticalSpacing={6}>
        <Head
          columns={[
            { name: "Severity", w: "12%" },
            { name: "Rule", w: "10%" },
            { name: "Subject", w: "20%" },
            "What and why",
          ]}
        />
        <Rows items={items} id={(i) => i.finding.id} row={FindingRow} columns={4} height={64} />
      </Table>
    </Part>
  );
}

const FindingRow = memo(function FindingRow({ item, measure, index }: RowProps<Item>) {
  const { finding: f, before } = item;
  return (
    <tr className="top" data-differs={f.rule} ref={measure} data-index={index}>
      <td>
        <VerdictBadge verdict={f.verdict} severity={f.severity} />
        {before && (
          <span className="sub">
            was {before.verdict === "fail" ? before.severity : before.verdict}
            {before.waiver && !f.waiver ? ", waived" : ""}
          </span>
        )}
        {f.waiver && <span className="sub">waived</span>}
      </td>
      <td>
        <RuleLink rule={f.rule} />
      </td>
      <td className="any">
        <SiteLink site={f.subject.site}>
          {f.subject.cluster ? `${f.subject.site}/${f.subject.cluster}` : f.subject.site}
        </SiteLink>
        {f.subject.infrastructure && <span className="sub">{f.subject.infrastructure}</span>}
      </td>
      <td className="any">
        {f.message}
        {f.remedy && f.verdict === "fail" && !item.gone && <span className="sub">Do: {f.remedy}</span>}
      </td>
    </tr>
  );
});

type Row = Simulation["clusters"][number];

const stateColors = { up: "var(--good)", degraded: "var(--medium)", down: "var(--critical)" };
const worst = { down: 0, degraded: 1, up: 2 };

function Clusters({ clusters }: { clusters: Row[] }) {
  const items = [...clusters].sort((a, b) => worst[a.state ?? "up"] - worst[b.state ?? "up"]);
  return (
    <Part id="clusters" title="Clusters" count={items.length}>
      <Table verticalSpacing={6}>
        <Head
          columns={[
            { name: "Cluster", w: "17%" },
            { name: "Serving", sub: "chance, and down a year", w: "20%" },
            { name: "Region of the database", w: "20%" },
            "Architecture, and what is lost of it",
          ]}
        />
        <Rows items={items} id={(c) => c.id} row={ClusterRow} columns={4} height={60} />
      </Table>
    </Part>
  );
}

const ClusterRow = memo(function ClusterRow({ item: c, measure, index }: RowProps<Row>) {
  const title = useArchitectureTitle();
  const site = c.id.split("/")[0] ?? c.id;
  const [before, after] = [c.before, c.after];
  return (
    <tr className="top" data-simulated={c.id} ref={measure} data-index={index}>
      <th scope="row" className="any">
        <SiteLink site={site}>{c.id}</SiteLink>
        {!before && <span className="sub">new</span>}
        {!after && before && !c.state && <span className="sub">no more</span>}
        {c.state && (
          <span className="sub">
            <Dot color={stateColors[c.state]} title="While the loss lasts" text={c.state} />
          </span>
        )}
      </th>
      <td>
        <Serving before={before} after={after} />
        {c.serving !== undefined && c.state === "degraded" && (
          <span className="sub">{percent(c.serving)} while the loss lasts</span>
        )}
      </td>
      <td>
        <Match before={before} after={after} />
      </td>
      <td>
        <Pair
          a={before && (title(before.architecture) || "unknown")}
          b={after && (title(after.architecture) || "unknown")}
        />
        {after && (
          <span className="sub">
            recommended:{" "}
            {after.recommended === after.architecture
              ? "the same"
              : title(after.recommended) || "none meets the objectives"}
          </span>
        )}
        {c.causes !== undefined && c.causes.length > 0 && (
          <details>
            <summary>
              <Text span size="xs">
                {c.causes.length === 1 ? "What it loses" : `${c.causes.length} things it loses`}
              </Text>
            </summary>
            <List size="xs">
              {c.causes.map((cause) => (
                <List.Item key={cause}>{cause}</List.Item>
              ))}
            </List>
          </details>
        )}
      </td>
    </tr>
  );
});

/** What it was and what it becomes; one of them when they are the same. */
function Pair({ a, b }: { a: string | undefined; b: string | undefined }) {
  if (a === b || b === undefined) {
    return <>{a ?? "unknown"}</>;
  }
  return a === undefined ? (
    b
  ) : (
    <>
      {a} → <b>{b}</b>
    </>
  );
}

type Side = SimulatedCluster | undefined;

const servingText = (c: Side) => c && (c.known ? percent(c.serving) : "unknown");
const downText = (c: Side) => c && (c.known ? downtime(c.serving) : "unknown");

function Serving({ before, after }: { before: Side; after: Side }) {
  return (
    <>
      <Pair a={servingText(before)} b={servingText(after)} />
      <span className="sub">
        down <Pair a={downText(before)} b={downText(after)} />
      </span>
    </>
  );
}

function Match({ before, after }: { before: Side; after: Side }) {
  if (before && after && before.regionMatch !== after.regionMatch) {
    return (
      <>
        <RegionMatchBadge match={before.regionMatch} /> → <RegionMatchBadge match={after.regionMatch} />
      </>
    );
  }
  return <RegionMatchBadge match={(after ?? before)?.regionMatch ?? null} />;
}

function Tenancies({ s }: { s: Simulation }) {
  return (
    <Part id="tenancy" title="Who shares what" count={s.tenancy.length}>
      <Table verticalSpacing={6}>
        <Head columns={["Infrastructure", "Kind", "Used by, before", "Used by, after", "Regions"]} />
        <tbody className="rows">
          {s.tenancy.map((t) => (
            <tr key={t.infrastructure} className="top">
              <th scope="row" className="any">
                {t.infrastructure}
              </th>
              <td>{t.kind}</td>
              <td className="any">{t.before.join(", ") || "nobody"}</td>
              <td className="any">{t.after.join(", ") || "nobody"}</td>
              <td className="any">{t.regions.join(", ") || "unknown"}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Part>
  );
}
