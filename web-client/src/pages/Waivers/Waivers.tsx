import { Button, Group, Stack, Table, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { type Decision, useDecide, useRequestWaiver, type Waiver, waiversQuery } from "../../api/govern";
import { type Me, useMe } from "../../api/session";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { MayButton } from "../../components/May";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";

const route = getRouteApi("/waivers");

const presets: Preset[] = [
  { label: "Waiting for approval", filter: "state=requested" },
  { label: "In force", filter: "state=approved" },
  { label: "Ends within 30 days", filter: "expiring=true" },
  { label: "Unused", filter: "unused=true" },
  { label: "Expired", filter: "state=expired" },
];

/** What a waiver is for, in one line. */
export function matchText(m: Waiver["match"]): string {
  const parts: string[] = [];
  if (m.site) {
    parts.push(m.cluster ? `${m.site}/${m.cluster}` : m.site);
  }
  if (m.infrastructure) {
    parts.push(m.infrastructure);
  }
  for (const [name, value] of Object.entries(m.tags ?? {})) {
    parts.push(`every site with ${name}=${value}`);
  }
  if (m.country) {
    parts.push(`every site in ${m.country}`);
  }
  if (m.region) {
    parts.push(`every cluster in ${m.region}`);
  }
  return parts.join(", ");
}

export function Waivers() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(waiversQuery(state));
  const me = useMe().data ?? undefined;
  return (
    <Stack gap="lg">
      <ListPage<Waiver>
        title="Waivers"
        collection="waivers"
        noun="waivers"
        description="Failing findings that somebody accepted for a time. They still fail; they say who accepted them, why, and until when."
        presets={presets}
        example="state=approved and rule=COL-001"
        state={state}
        setState={(search) => navigate({ search })}
        query={query}
        empty="Nothing is waived."
      >
        {(items) => (
          <Table className="sticky" verticalSpacing={6}>
            <Head columns={["Rule", "For", "State", "Until", "Why", "Who", "Decide"]} />
            <Table.Tbody>
              {items.map((w) => (
                <Table.Tr key={w.id} className="top">
                  <Table.Th scope="row">
                    {w.rule}
                    <span className="sub">{w.id}</span>
                  </Table.Th>
                  <Table.Td>
                    {w.match.site ? (
                      <Link to="/sites/$site" params={{ site: w.match.site }}>
                        {matchText(w.match)}
                      </Link>
                    ) : (
                      matchText(w.match)
                    )}
                  </Table.Td>
                  <Table.Td>
                    {w.state}
                    {w.unused && <span className="sub">unused: nothing fails that it is for</span>}
                    {w.expiring && <span className="sub">ends soon</span>}
                  </Table.Td>
                  <Table.Td>
                    <Time at={w.expires} />
                  </Table.Td>
                  <Table.Td>
                    {w.reason}
                    {w.ticket && <span className="sub">{w.ticket}</span>}
                  </Table.Td>
                  <Table.Td>
                    {w.owner}
                    <span className="sub">requested by {w.requested.name}</span>
                    {w.decided && (
                      <span className="sub">
                        {w.state === "rejected" ? "rejected" : "approved"} by {w.decided.name}
                      </span>
                    )}
                  </Table.Td>
                  <Table.Td>{me && <Decide waiver={w} me={me} />}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {me && ["planner", "approver", "admin"].includes(me.role) && <RequestForm />}
    </Stack>
  );
}

function Decide({ waiver: w, me }: { waiver: Waiver; me: Me }) {
  const decide = useDecide();
  const [decision, setDecision] = useState<Decision>();
  const [why, setWhy] = useState("");
  const approver = me.role === "approver" || me.role === "admin";
  const own = me.id === w.requested.by ? "You requested it: somebody else has to approve it." : undefined;
  const offers: Decision[] = [];
  if (approver && w.state === "requested") {
    offers.push("approve", "reject");
  }
  if ((approver || me.role === "planner") && (w.state === "requested" || w.state === "approved")) {
    offers.push("withdraw");
  }
  if (offers.length === 0) {
    return <Text size="sm">nothing to decide</Text>;
  }
  if (!decision) {
    return (
      <Group gap={4}>
        {offers.map((d) => (
          <MayButton
            key={d}
            size="compact-sm"
            denied={d === "approve" ? own : undefined}
            aria-label={`${d} ${w.id}`}
            onClick={() => setDecision(d)}
          >
            {d}
          </MayButton>
        ))}
      </Group>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        decide.mutate({ waiver: w.id, decision, why }, { onSuccess: () => setDecision(undefined) });
      }}
    >
      <Stack gap={4}>
        <TextInput
          size="xs"
          label={decision === "approve" ? "Note" : "Reason"}
          required={decision !== "approve"}
          value={why}
          onChange={(event) => setWhy(event.currentTarget.value)}
          data-autofocus
        />
        <Group gap={4}>
          <Button type="submit" variant="default" size="compact-sm" loading={decide.isPending}>
            {decision}
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => setDecision(undefined)}>
            Cancel
          </Button>
        </Group>
        {decide.isError && <ProblemView error={decide.error} />}
      </Stack>
    </form>
  );
}

function RequestForm() {
  const request = useRequestWaiver();
  const [sent, setSent] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const [site, cluster] = text("for").split("/");
    request.mutate(
      {
        rule: text("rule"),
        match: { site, ...(cluster ? { cluster } : {}) },
        reason: text("reason"),
        ...(text("ticket") ? { ticket: text("ticket") } : {}),
        ...(text("owner") ? { owner: text("owner") } : {}),
        expires: new Date(`${text("until")}T23:59:59Z`).toISOString(),
      },
      {
        onSuccess: (w) => {
          setSent(w.id);
          form.reset();
        },
      },
    );
  };
  return (
    <section aria-labelledby="request" className="no-print">
      <Title order={2} id="request">
        Request a waiver
      </Title>
      <Text size="sm" c="dimmed">
        It is in force once somebody else approves it. Sites by tag, country or region are waived with{" "}
        <code>meridian waive</code>.
      </Text>
      <form onSubmit={submit}>
        <Stack gap="xs" maw={640} mt="xs">
          <Group grow align="start">
            <TextInput name="rule" label="Rule" placeholder="COL-001" required />
            <TextInput name="for" label="Site, or site/cluster" placeholder="muc-01/prod" required />
            <TextInput name="until" label="Until the end of (UTC)" type="date" required />
          </Group>
          <Textarea name="reason" label="Why the risk is accepted" required rows={2} />
          <Group grow align="start">
            <TextInput name="owner" label="Who answers for it" placeholder="you, when empty" />
            <TextInput name="ticket" label="Ticket" />
          </Group>
          <Group>
            <Button type="submit" variant="default" loading={request.isPending}>
              Request
            </Button>
            {sent && (
              <Text size="sm" role="status">
                <code>{sent}</code> waits for an approver other than you.
              </Text>
            )}
          </Group>
          {request.isError && <ProblemView error={request.error} />}
        </Stack>
      </form>
    </section>
  );
}
