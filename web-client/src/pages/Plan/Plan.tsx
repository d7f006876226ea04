import { List, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo, type ReactNode, useDeferredValue, useState } from "react";
import { type FleetPlan, planQuery } from "../../api/whatif";
import { SeverityBadge, Tag } from "../../components/Badges";
import { Head } from "../../components/Head";
import { LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { type RowProps, Rows } from "../../components/Rows";
import { RuleLink } from "../../components/RuleLink";
import { SiteLink } from "../../components/SiteLink";
import { useTitle } from "../../components/title";
import { downtime, percent } from "../../numbers";

const route = getRouteApi("/plan");

type Proposal = FleetPlan["separations"][number];
type UpgradePlan = FleetPlan["upgrades"][number];
type Task = FleetPlan["queue"][number];

/** Whether something has all the words that are looked for, in any of its texts. */
export function has(words: string, ...texts: unknown[]): boolean {
  const all = JSON.stringify(texts).toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((w) => all.includes(w));
}

export function Plan() {
  useTitle("Fleet plan");
  const query = useQuery(planQuery);
  const navigate = route.useNavigate();
  // The address follows what is typed and is read only once: it comes too late to be what a fast hand types into.
  const [find, setFind] = useState(route.useSearch().find ?? "");
  return (
    <Stack gap="md">
      <div>
        <Title order={1}>Fleet plan</Title>
        <Text size="sm" c="dimmed">
          What the federation should do beyond each single cluster. Nothing is proposed that was not applied to a copy
          of the federation and judged. Hours of work are assumptions.
        </Text>
      </div>
      <TextInput
        aria-label="Search"
        placeholder="Search, for example muc-01, zookeeper or TEN-"
        value={find}
        onChange={(event) => {
          const text = event.currentTarget.value;
          setFind(text);
          navigate({ search: text.trim() === "" ? {} : { find: text.trim() }, replace: true });
        }}
        maw={480}
        className="no-print"
      />
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.isPending && <LoadingRows noun="proposals" />}
      {query.data && <Shown plan={query.data} find={find} />}
    </Stack>
  );
}

function Shown({ plan: p, find }: { plan: FleetPlan; find: string }) {
  const words = useDeferredValue(find.trim());
  const queue = p.queue.filter((t) => has(words, t));
  const consolidations = p.consolidations.filter((c) => has(words, c));
  const separations = p.separations.filter((s) => has(words, s));
  const upgrades = p.upgrades.filter((u) => has(words, u));
  return (
    <>
      <div role="status">
        <Text size="sm">
          Rests on <b>{p.sites.toLocaleString("en")}</b> {p.sites === 1 ? "site" : "sites"};{" "}
          <b>{p.tried.toLocaleString("en")}</b> changes were judged
          {p.untried > 0 ? (
            <>
              , <b>{p.untried.toLocaleString("en")}</b> were not, because there are too many
            </>
          ) : (
            ", none was left out"
          )}
          .
        </Text>
        {p.assumptions.map((a) => (
          <Text key={a} size="sm" c="dimmed">
            Assumed: {a}
          </Text>
        ))}
      </div>
      <Part
        id="queue"
        title="What to mend first"
        count={queue.length}
        none={p.queue.length === 0 ? "Nothing fails that could be mended." : "Nothing to mend has these words."}
        note={
          p.queueTotal > p.queue.length
            ? `The most gained for each hour of work comes first. ${(p.queueTotal - p.queue.length).toLocaleString("en")} more are not listed.`
            : "The most gained for each hour of work comes first."
        }
      >
        <Queue tasks={queue} />
      </Part>
      <Part
        id="separations"
        title="Sharing that should end"
        count={separations.length}
        none={p.separations.length === 0 ? "No sharing needs to end." : "None has these words."}
      >
        {separations.map((s) => (
          <ProposalView key={`${s.infrastructure[0]} ${s.clusters.join()}`} proposal={s} />
        ))}
      </Part>
      <Part
        id="consolidations"
        title="Infrastructure that clusters could share"
        count={consolidations.length}
        none={
          p.consolidations.length === 0
            ? "No clusters could share more without a rule or an objective against it."
            : "None has these words."
        }
      >
        {consolidations.map((c) => (
          <ProposalView key={`${c.infrastructure[0]} ${c.clusters.join()}`} proposal={c} />
        ))}
      </Part>
      <Part
        id="upgrades"
        title="Upgrades in waves"
        count={upgrades.length}
        none={p.upgrades.length === 0 ? "No federated server is behind its hub." : "None has these words."}
      >
        {upgrades.map((u) => (
          <UpgradeView key={u.hub} upgrade={u} />
        ))}
      </Part>
    </>
  );
}

interface PartProps {
  id: string;
  title: string;
  count: number;
  none: string;
  note?: string;
  children: ReactNode;
}

function Part({ id, title, count, none, note, children }: PartProps) {
  return (
    <section aria-labelledby={id}>
      <Title order={2} id={id} className="before-table">
        {title} ({count.toLocaleString("en")})
      </Title>
      {count === 0 ? (
        <Text size="sm">{none}</Text>
      ) : (
        <>
          {note && (
            <Text size="sm" c="dimmed">
              {note}
            </Text>
          )}
          {children}
        </>
      )}
    </section>
  );
}

const doText: Record<Task["do"], string> = {
  mend: "mend",
  "move-database": "move the database",
  separate: "end the sharing",
};

const hoursText = (h: number) => `${h.toLocaleString("en", { maximumFractionDigits: 1 })} h`;

function Queue({ tasks }: { tasks: Task[] }) {
  return (
    <Table className="sticky" verticalSpacing={6}>
      <Head
        columns={[
          { name: "Severity", w: "11%" },
          { name: "Where", w: "19%" },
          "What and why",
          { name: "Gain", w: "20%", className: "from-md" },
          { name: "Work", sub: "assumed", w: 90, className: "numeric" },
        ]}
      />
      <Rows
        items={tasks}
        id={(t) => `${t.do} ${t.rule} ${t.site} ${t.cluster} ${t.subject}`}
        row={TaskRow}
        columns={5}
        height={92}
      />
    </Table>
  );
}

const TaskRow = memo(function TaskRow({ item: t, measure, index }: RowProps<Task>) {
  return (
    <tr className="top" data-task={t.do} ref={measure} data-index={index}>
      <td>
        <SeverityBadge severity={t.severity} />
      </td>
      <th scope="row" className="any">
        <SiteLink site={t.site}>{t.cluster ? `${t.site}/${t.cluster}` : t.site}</SiteLink>
        {t.subject !== `${t.site}/${t.cluster}` && <span className="sub">{t.subject}</span>}
      </th>
      <td className="any">
        {t.do !== "mend" && <Tag>{doText[t.do]}</Tag>} {t.why}{" "}
        {t.rule && (
          <>
            (<RuleLink rule={t.rule} />)
          </>
        )}
        {t.finding && (
          <>
            {" "}
            <Link to="/findings" search={{ filter: `id=${t.finding}` }}>
              the finding
            </Link>
          </>
        )}
        {t.changes && (
          <>
            {" "}
            <Link to="/what-if" search={{ changes: t.changes }} preload={false} className="no-print">
              what it would change
            </Link>
          </>
        )}
        <Steps steps={t.steps} />
      </td>
      <td className="from-md">
        <Gain task={t} />
      </td>
      <td className="numeric">{hoursText(t.effort)}</td>
    </tr>
  );
});

function Gain({ task: t }: { task: Task }) {
  return (
    <>
      {t.closed.length} {t.closed.length === 1 ? "finding closes" : "findings close"}
      {t.opened.length > 0 && `, ${t.opened.length} ${t.opened.length === 1 ? "opens" : "open"}`}
      {t.hours > 0 && <span className="sub">{hoursText(t.hours)} less downtime a year</span>}
      {t.mismatches > 0 && (
        <span className="sub">
          {t.mismatches} region {t.mismatches === 1 ? "mismatch" : "mismatches"} less
        </span>
      )}
      <span className="sub">
        {t.computed ? "the change was judged" : `only the finding itself counts: ${t.notComputed}`}
      </span>
    </>
  );
}

function Steps({ steps }: { steps: string[] }) {
  return steps.length === 0 ? null : (
    <details>
      <summary>
        <Text span size="xs">
          {steps.length === 1 ? "What to do" : `${steps.length} steps`}
        </Text>
      </summary>
      <List size="sm" type="ordered">
        {steps.map((s) => (
          <List.Item key={s}>{s}</List.Item>
        ))}
      </List>
    </details>
  );
}

/** A cluster by its fleet-wide key, leading to its site. */
function ClusterLinks({ clusters }: { clusters: string[] }) {
  return clusters.map((c, i) => (
    <span key={c}>
      {i > 0 && ", "}
      <SiteLink site={c.split("/")[0] ?? c}>{c}</SiteLink>
    </span>
  ));
}

function ProposalView({ proposal: p }: { proposal: Proposal }) {
  const [kept, ...others] = p.infrastructure;
  return (
    <section className="card" data-proposal={p.do} aria-label={`${kept}: ${p.clusters.join(", ")}`}>
      <Title order={3} className="any">
        {p.do === "consolidate"
          ? `${others.join(", ")} could become ${kept}`
          : `${p.clusters.join(", ")} should leave ${kept}`}
      </Title>
      <Text size="sm">{p.why}</Text>
      <dl className="facts">
        <div>
          <dt>Kind and region</dt>
          <dd>
            {p.kind}, {p.region}
          </dd>
        </div>
        <div>
          <dt>Clusters that get another</dt>
          <dd className="any">
            <ClusterLinks clusters={p.clusters} />
          </dd>
        </div>
        <div>
          <dt>Clusters that go down together</dt>
          <dd>
            {p.blastRadius.before} → {p.blastRadius.after}
          </dd>
        </div>
        <div>
          <dt>Nodes</dt>
          <dd>
            {p.machines === 0 ? "as many as before" : p.machines > 0 ? `${p.machines} more` : `${-p.machines} fewer`}
          </dd>
        </div>
        <div>
          <dt>Findings</dt>
          <dd>
            {p.closed.length} close, {p.opened.length} open
          </dd>
        </div>
        <div>
          <dt>Work, assumed</dt>
          <dd>{hoursText(p.effort)}</dd>
        </div>
      </dl>
      {p.serving.length > 0 && (
        <Table verticalSpacing={3} w="auto">
          <Head columns={["Cluster", "Serving", "Down a year"]} />
          <Table.Tbody>
            {p.serving.map((s) => (
              <Table.Tr key={s.cluster}>
                <Table.Th scope="row" className="any">
                  {s.cluster}
                </Table.Th>
                <Table.Td>
                  {percent(s.before)} → {percent(s.after)}
                </Table.Td>
                <Table.Td>
                  {downtime(s.before)} → {downtime(s.after)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Consequences title="closes" list={p.closed} />
      <Consequences title="opens" list={p.opened} />
      <Steps steps={p.steps} />
    </section>
  );
}

function Consequences({ title, list }: { title: string; list: Proposal["closed"] }) {
  return list.length === 0 ? null : (
    <Text size="sm" component="div">
      It {title}{" "}
      {list.map((c, i) => (
        <span key={`${c.rule} ${c.site} ${c.subject}`} className="any">
          {i > 0 && ", "}
          <RuleLink rule={c.rule} /> ({c.severity}) of <SiteLink site={c.site}>{c.subject}</SiteLink>
        </span>
      ))}
      .
    </Text>
  );
}

function UpgradeView({ upgrade: u }: { upgrade: UpgradePlan }) {
  const changes = u.waves
    .flatMap((w) => w.clusters)
    .slice(0, 100)
    .map((cluster) => ({ do: "upgrade" as const, cluster, version: u.target }));
  return (
    <section className="card" data-upgrade={u.hub} aria-label={`Upgrades under ${u.hub}`}>
      <Title order={3} className="any">
        Under <SiteLink site={u.hub}>{u.hub}</SiteLink> to ThingWorx {u.target}
      </Title>
      <Text size="sm">
        {u.why} Work, assumed: {hoursText(u.effort)}.{" "}
        {changes.length > 0 && (
          <Link to="/what-if" search={{ changes }} preload={false} className="no-print">
            See what the upgrade would change
          </Link>
        )}
      </Text>
      {u.blocked.map((b) => (
        <Text key={b} size="sm">
          <b>First:</b> {b}
        </Text>
      ))}
      <List size="sm" type="ordered">
        {u.waves.map((w) => (
          <List.Item key={w.clusters.join()} className="any">
            <ClusterLinks clusters={w.clusters} />
            {w.together ? " in one window" : ""}. {w.why}
          </List.Item>
        ))}
      </List>
    </section>
  );
}
