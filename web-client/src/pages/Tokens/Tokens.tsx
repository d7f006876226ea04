import { Button, Code, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { createContext, memo, useContext, useState } from "react";
import {
  type ApiToken,
  type TokenRequest,
  type TokenScope,
  tokensQuery,
  useCreateToken,
  useRevokeToken,
} from "../../api/tokens";
import { Dot } from "../../components/Badges";
import { Confirm } from "../../components/Confirm";
import { CopyBlock, ToldOnce } from "../../components/Copy";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type AccessRole, MayButton, useDenied } from "../../components/May";
import { ProblemView } from "../../components/ProblemView";
import { type RowProps, Rows } from "../../components/Rows";
import { Time } from "../../components/Time";

const route = getRouteApi("/tokens");

const presets: Preset[] = [
  { label: "Good", filter: "state=good" },
  { label: "Administrators", filter: "role=admin and state=good" },
  { label: "Expired", filter: "state=expired" },
  { label: "Revoked", filter: "state=revoked" },
];

const states: Record<ApiToken["state"], { color: string; title: string }> = {
  good: { color: "var(--good)", title: "It is accepted" },
  expired: { color: "var(--unknown)", title: "It is not accepted any more: its time is over" },
  revoked: { color: "var(--critical)", title: "It is not accepted any more: it was revoked" },
};

/** The sites that a token sees, in one line: those of each part, taken together. */
export function scopeText(s: TokenScope): string {
  const parts = [
    ...(s.sites?.length ? [`sites ${s.sites.join(", ")}`] : []),
    ...(Object.keys(s.tags ?? {}).length > 0
      ? [
          `sites with ${Object.entries(s.tags ?? {})
            .map(([name, value]) => `${name}=${value}`)
            .join(" and ")}`,
        ]
      : []),
    ...(s.regions?.length ? [`sites in ${s.regions.join(", ")}`] : []),
  ];
  return parts.length === 0 ? "all sites" : parts.join(", and ");
}

const Ask = createContext<(t: ApiToken) => void>(() => undefined);

export function Tokens() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(tokensQuery(state));
  const [asked, setAsked] = useState<ApiToken>();
  return (
    <Stack gap="lg">
      <Ask value={setAsked}>
        <ListPage<ApiToken>
          title="API tokens"
          collection="tokens"
          noun="tokens"
          description="Tokens that were made here, for people, portals and scripts. Those of the server's configuration file are not among them."
          presets={presets}
          example="role=planner and state=good"
          state={state}
          setState={(search) => navigate({ search })}
          query={query}
          empty="No token has been made here."
        >
          {(items) => (
            <Table className="sticky" verticalSpacing={6}>
              <Head
                columns={[
                  { name: "Name", w: "24%" },
                  { name: "Role", w: "10%" },
                  "Sees",
                  { name: "State", w: "20%" },
                  { name: "Made", w: "17%", className: "from-md" },
                  { name: "Decide", w: 110, className: "no-print" },
                ]}
              />
              <Rows items={items} id={(t) => t.id} row={TokenRow} columns={6} height={56} />
            </Table>
          )}
        </ListPage>
      </Ask>
      <CreateForm />
      {asked && <Revoke token={asked} close={() => setAsked(undefined)} />}
    </Stack>
  );
}

const TokenRow = memo(function TokenRow({ item: t, measure, index }: RowProps<ApiToken>) {
  const ask = useContext(Ask);
  const denied = useDenied("admin");
  return (
    <tr className="top" data-token={t.id} ref={measure} data-index={index}>
      <th scope="row" className="any">
        {t.name}
        <span className="sub">{t.id}</span>
      </th>
      <td>{t.role}</td>
      <td className="any">{scopeText(t.scope)}</td>
      <td>
        <Dot color={states[t.state].color} title={states[t.state].title} text={t.state} />
        <span className="sub any">
          {t.revoked ? (
            <>
              by {t.revoked.name} <Time at={t.revoked.at} />
              {t.revoked.note ? `: ${t.revoked.note}` : ""}
            </>
          ) : (
            <>
              {t.state === "expired" ? "ended" : "ends"} <Time at={t.expires} />
            </>
          )}
        </span>
      </td>
      <td className="from-md">
        <Time at={t.created.at} />
        <span className="sub any">
          by {t.created.name}
          {t.created.note ? `: ${t.created.note}` : ""}
        </span>
      </td>
      <td className="no-print">
        {t.state === "good" ? (
          <MayButton size="compact-sm" denied={denied} aria-label={`Revoke ${t.name} ${t.id}`} onClick={() => ask(t)}>
            Revoke
          </MayButton>
        ) : (
          <Text size="sm">nothing to decide</Text>
        )}
      </td>
    </tr>
  );
});

function Revoke({ token: t, close }: { token: ApiToken; close: () => void }) {
  const revoke = useRevokeToken();
  return (
    <Confirm
      title={`Revoke the token ${t.name}`}
      act="Revoke"
      reasoned
      ending
      pending={revoke.isPending}
      error={revoke.error}
      confirm={(reason) => revoke.mutate({ token: t.id, reason }, { onSuccess: close })}
      cancel={close}
    >
      Whoever uses it is refused from now on, and the browser sessions that were begun with it end. What was done with
      it stays done and stays in the audit. This cannot be taken back; a new token can be made at any time.
    </Confirm>
  );
}

const roles: { value: AccessRole; label: string }[] = [
  { value: "viewer", label: "viewer: reads" },
  { value: "auditor", label: "auditor: reads, with reports and audit" },
  { value: "planner", label: "planner: sends inventories, requests waivers" },
  { value: "approver", label: "approver: decides waivers, policies, enrolments" },
  { value: "admin", label: "admin: everything" },
];

const lifetimes = [
  { value: "24h", label: "1 day" },
  { value: "168h", label: "7 days" },
  { value: "720h", label: "30 days" },
  { value: "2160h", label: "90 days" },
  { value: "8760h", label: "365 days" },
];

const list = (text: string): string[] => text.split(/[\s,]+/).filter((w) => w !== "");

/** What a token sees, from what is written in the fields; nothing written means all sites. */
export function scopeOf(f: { sites: string; tags: string; regions: string }): TokenScope | string {
  const scope: TokenScope = {};
  const sites = list(f.sites);
  const regions = list(f.regions);
  const tags: Record<string, string> = {};
  for (const tag of list(f.tags)) {
    const at = tag.indexOf("=");
    if (at <= 0 || at === tag.length - 1) {
      return `${tag} is no tag: write NAME=VALUE`;
    }
    tags[tag.slice(0, at)] = tag.slice(at + 1);
  }
  if (sites.length > 0) {
    scope.sites = sites;
  }
  if (Object.keys(tags).length > 0) {
    scope.tags = tags;
  }
  if (regions.length > 0) {
    scope.regions = regions;
  }
  return scope;
}

const blank = {
  name: "",
  role: "viewer" as AccessRole,
  expiresIn: "2160h",
  sites: "",
  tags: "",
  regions: "",
  note: "",
};

function CreateForm() {
  const create = useCreateToken();
  const denied = useDenied("admin");
  const [f, setF] = useState(blank);
  const set = (name: keyof typeof blank) => (event: { currentTarget: { value: string } }) => {
    const { value } = event.currentTarget;
    setF((old) => ({ ...old, [name]: value }));
  };
  const scope = scopeOf(f);
  const fault = typeof scope === "string" ? scope : undefined;
  const submit = () => {
    if (typeof scope === "string") {
      return;
    }
    const body: TokenRequest = { name: f.name.trim(), role: f.role, expiresIn: f.expiresIn };
    if (Object.keys(scope).length > 0) {
      body.scope = scope;
    }
    if (f.note.trim() !== "") {
      body.note = f.note.trim();
    }
    create.mutate(body, { onSuccess: () => setF(blank) });
  };
  return (
    <section aria-labelledby="make" className="no-print">
      <Title order={2} id="make">
        Make a token
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Give it the smallest role and the fewest sites that do; without any sites, tags or regions it sees all. {denied}
      </Text>
      {create.data ? (
        <ToldOnce title={`The token ${create.data.token.name}`} done={() => create.reset()}>
          <Stack gap="sm">
            <CopyBlock what="Token" value={create.data.secret} />
            <Text size="sm">
              Sent as <Code>Authorization: Bearer …</Code>, or entered where this page asks for a token. It ends{" "}
              <Time at={create.data.token.expires} />
            </Text>
          </Stack>
        </ToldOnce>
      ) : (
        !denied && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              submit();
            }}
          >
            <Stack gap="xs" maw={860}>
              <Group grow align="start">
                <TextInput
                  label="Name"
                  placeholder="service portal"
                  required
                  maxLength={200}
                  value={f.name}
                  onChange={set("name")}
                />
                <NativeSelect label="Role" data={roles} value={f.role} onChange={set("role")} />
                <NativeSelect label="Good for" data={lifetimes} value={f.expiresIn} onChange={set("expiresIn")} />
              </Group>
              <Group grow align="start">
                <TextInput label="These sites" placeholder="muc-01, ber-02" value={f.sites} onChange={set("sites")} />
                <TextInput
                  label="And sites with all these tags"
                  placeholder="division=drives"
                  value={f.tags}
                  onChange={set("tags")}
                  error={fault}
                  styles={{ error: { color: "var(--critical)" } }}
                />
                <TextInput
                  label="And sites in these regions"
                  placeholder="westeurope"
                  value={f.regions}
                  onChange={set("regions")}
                />
              </Group>
              <TextInput
                label="Note"
                placeholder="Who asked for it, and what for"
                value={f.note}
                onChange={set("note")}
              />
              <Group>
                <Button type="submit" variant="default" loading={create.isPending} disabled={fault !== undefined}>
                  Make a token
                </Button>
              </Group>
              {create.isError && <ProblemView error={create.error} />}
            </Stack>
          </form>
        )
      )}
    </section>
  );
}
