import { Button, Code, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { createContext, memo, useContext, useState } from "react";
import {
  type Enrolment,
  enrolmentsQuery,
  useApproveEnrolment,
  useRequestEnrolment,
  useRevokeEnrolment,
} from "../../api/enrol";
import { siteID } from "../../api/fields";
import { useMe } from "../../api/session";
import { Dot } from "../../components/Badges";
import { Confirm } from "../../components/Confirm";
import { CopyBlock, ToldOnce } from "../../components/Copy";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { MayButton, useDenied } from "../../components/May";
import { ProblemView } from "../../components/ProblemView";
import { type RowProps, Rows } from "../../components/Rows";
import { SiteLink } from "../../components/SiteLink";
import { Time } from "../../components/Time";

const route = getRouteApi("/enrolments");

const presets: Preset[] = [
  { label: "Waiting for approval", filter: "state=requested" },
  { label: "Token not used yet", filter: "state=open" },
  { label: "Joined", filter: "state=joined" },
  { label: "Expired", filter: "state=expired" },
  { label: "Revoked", filter: "state=revoked" },
];

const states: Record<Enrolment["state"], { color: string; title: string }> = {
  requested: { color: "var(--medium)", title: "An approver other than who asked for it has to agree" },
  open: { color: "var(--low)", title: "Its token can be exchanged for a credential" },
  joined: { color: "var(--good)", title: "A planner holds a credential that is good" },
  expired: { color: "var(--unknown)", title: "Not exchanged, or not renewed, in time" },
  revoked: { color: "var(--critical)", title: "Token and credentials are refused" },
};

interface Asked {
  act: "approve" | "revoke";
  enrolment: Enrolment;
}

const Ask = createContext<(asked: Asked) => void>(() => undefined);

export function Enrolments() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(enrolmentsQuery(state));
  const [asked, setAsked] = useState<Asked>();
  return (
    <Stack gap="lg">
      <Ask value={setAsked}>
        <ListPage<Enrolment>
          title="Enrolment"
          collection="enrolments"
          noun="enrolments"
          description="Which planner may speak for which site. A planner exchanges a join token, once, for a credential of its own, and renews it with a key that never leaves it."
          presets={presets}
          example="state=joined and site=muc-01"
          state={state}
          setState={(search) => navigate({ search })}
          query={query}
          empty="No planner has been enrolled. Make a join token below."
        >
          {(items) => (
            <Table className="sticky" verticalSpacing={6}>
              <Head
                columns={[
                  { name: "Site", w: "18%" },
                  { name: "State", w: "24%" },
                  { name: "Requested", w: "22%" },
                  { name: "Credential", className: "from-md" },
                  { name: "Decide", w: 170, className: "no-print" },
                ]}
              />
              <Rows items={items} id={(e) => e.id} row={EnrolmentRow} columns={5} height={72} />
            </Table>
          )}
        </ListPage>
      </Ask>
      <TokenForm />
      {asked?.act === "approve" && <Approve enrolment={asked.enrolment} close={() => setAsked(undefined)} />}
      {asked?.act === "revoke" && <Revoke enrolment={asked.enrolment} close={() => setAsked(undefined)} />}
    </Stack>
  );
}

const EnrolmentRow = memo(function EnrolmentRow({ item: e, measure, index }: RowProps<Enrolment>) {
  return (
    <tr className="top" data-enrolment={e.id} ref={measure} data-index={index}>
      <th scope="row">
        {e.joined ? <SiteLink site={e.site}>{e.site}</SiteLink> : e.site}
        <span className="sub any">{e.id}</span>
      </th>
      <td>
        <Dot color={states[e.state].color} title={states[e.state].title} text={e.state} />
        <span className="sub">
          <Explained enrolment={e} />
        </span>
      </td>
      <td>
        <Time at={e.requested.at} />
        <span className="sub">by {e.requested.name}</span>
        {e.note && <span className="sub any">{e.note}</span>}
      </td>
      <td className="from-md">
        {e.joined ? (
          <>
            joined <Time at={e.joined} />
            {e.expires && (
              <span className="sub">
                {e.state === "expired" || e.state === "revoked" ? "the newest would have ended" : "the newest ends"}{" "}
                <Time at={e.expires} />
              </span>
            )}
          </>
        ) : (
          "none yet"
        )}
      </td>
      <td className="no-print">
        <Decide enrolment={e} />
      </td>
    </tr>
  );
});

/** What a state means for this enrolment. */
function Explained({ enrolment: e }: { enrolment: Enrolment }) {
  switch (e.state) {
    case "requested":
      return (
        <>
          waits for an approver other than {e.requested.name}; the token ends <Time at={e.tokenExpires} />
        </>
      );
    case "open":
      return (
        <>
          {e.approved ? `approved by ${e.approved.name}; ` : ""}the token can be used once and ends{" "}
          <Time at={e.tokenExpires} />
        </>
      );
    case "joined":
      return <>{e.approved ? `approved by ${e.approved.name}` : "no approval was demanded"}</>;
    case "expired":
      return e.joined ? (
        <>the credential was not renewed in time</>
      ) : (
        <>
          the token was not used; it ended <Time at={e.tokenExpires} />
        </>
      );
    case "revoked":
      return (
        <>
          by {e.revoked?.name ?? "somebody"} <Time at={e.revoked?.at} />: {e.reason}
        </>
      );
  }
}

function Decide({ enrolment: e }: { enrolment: Enrolment }) {
  const ask = useContext(Ask);
  const notApprover = useDenied("approver", "admin");
  const own = useMe().data?.id === e.requested.by ? "You asked for it: somebody else has to approve it." : undefined;
  const notAdmin = useDenied("admin");
  if (e.state === "revoked") {
    return <Text size="sm">nothing to decide</Text>;
  }
  return (
    <Group gap={4}>
      {e.state === "requested" && (
        <MayButton
          size="compact-sm"
          denied={notApprover ?? own}
          aria-label={`Approve ${e.site} ${e.id}`}
          onClick={() => ask({ act: "approve", enrolment: e })}
        >
          Approve
        </MayButton>
      )}
      <MayButton
        size="compact-sm"
        denied={notAdmin}
        aria-label={`Revoke ${e.site} ${e.id}`}
        onClick={() => ask({ act: "revoke", enrolment: e })}
      >
        Revoke
      </MayButton>
    </Group>
  );
}

function Approve({ enrolment: e, close }: { enrolment: Enrolment; close: () => void }) {
  const approve = useApproveEnrolment();
  return (
    <Confirm
      title={`Approve the enrolment of ${e.site}`}
      act="Approve"
      pending={approve.isPending}
      error={approve.error}
      confirm={() => approve.mutate(e.id, { onSuccess: close })}
      cancel={close}
    >
      Whoever holds the token that {e.requested.name} asked for may then exchange it, once, and speak for the site{" "}
      {e.site}: what that planner sends becomes the site's inventory here.
    </Confirm>
  );
}

function Revoke({ enrolment: e, close }: { enrolment: Enrolment; close: () => void }) {
  const revoke = useRevokeEnrolment();
  return (
    <Confirm
      title={`Revoke the enrolment of ${e.site}`}
      act="Revoke"
      reasoned
      ending
      pending={revoke.isPending}
      error={revoke.error}
      confirm={(reason) => revoke.mutate({ enrolment: e.id, reason }, { onSuccess: close })}
      cancel={close}
    >
      {e.joined ? (
        <>
          The planner's credential is refused from now on, on every server of the message bus, and its connection ends
          at once. Nothing is deleted: the site stays here with what it sent last, and is shown as late, then stale,
          then lost. At the site the planner goes on judging; it only cannot send. Other enrolments of {e.site} are not
          touched. This cannot be taken back: to let the planner in again, make a new join token and run{" "}
          <Code>meridian-planner join --again</Code>.
        </>
      ) : (
        <>
          The join token is refused from now on. No planner has used it, so no connection ends. This cannot be taken
          back; a new token can be made at any time.
        </>
      )}
    </Confirm>
  );
}

const lifetimes = [
  { value: "1h", label: "1 hour" },
  { value: "24h", label: "1 day" },
  { value: "72h", label: "3 days" },
  { value: "168h", label: "7 days" },
];

function TokenForm() {
  const request = useRequestEnrolment();
  const denied = useDenied("admin");
  const [site, setSite] = useState("");
  const [note, setNote] = useState("");
  const [expiresIn, setExpiresIn] = useState("24h");
  const [touched, setTouched] = useState(false);
  const valid = siteID.test(site.trim());
  const clear = () => {
    setSite("");
    setNote("");
    setTouched(false);
  };
  return (
    <section aria-labelledby="token" className="no-print">
      <Title order={2} id="token">
        Make a join token
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        For one planner of one site. It can be used once; the server keeps only its hash. {denied}
      </Text>
      {request.data && (
        <Joining token={request.data.token} enrolment={request.data.enrolment} done={() => request.reset()} />
      )}
      {!request.data && !denied && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setTouched(true);
            if (valid) {
              request.mutate(
                { site: site.trim(), expiresIn, ...(note.trim() ? { note: note.trim() } : {}) },
                { onSuccess: clear },
              );
            }
          }}
        >
          <Stack gap="xs" maw={720}>
            <Group grow align="start">
              <TextInput
                label="Site id"
                placeholder="muc-01"
                required
                value={site}
                onChange={(event) => setSite(event.currentTarget.value)}
                onBlur={() => setTouched(site !== "")}
                error={touched && !valid ? "Lower-case letters, digits and dashes, at most 63" : undefined}
                styles={{ error: { color: "var(--critical)" } }}
              />
              <NativeSelect
                label="Good for"
                data={lifetimes}
                value={expiresIn}
                onChange={(event) => setExpiresIn(event.currentTarget.value)}
              />
              <TextInput
                label="Note"
                placeholder="Who asked for it"
                maxLength={500}
                value={note}
                onChange={(event) => setNote(event.currentTarget.value)}
              />
            </Group>
            <Group>
              <Button type="submit" variant="default" loading={request.isPending}>
                Make a join token
              </Button>
            </Group>
            {request.isError && <ProblemView error={request.error} />}
          </Stack>
        </form>
      )}
    </section>
  );
}

/** The command that a planner joins with; the same that the command line prints. */
export const joinCommand = (server: string): string =>
  `meridian-planner join --server ${server} --token-file join.token --config planner.yaml`;

function Joining({ token, enrolment: e, done }: { token: string; enrolment: Enrolment; done: () => void }) {
  return (
    <ToldOnce title={`Join token of ${e.site}`} done={done}>
      <Stack gap="sm">
        <CopyBlock
          what="Token: keep it as the file join.token at the planner, readable by the planner only"
          value={token}
        />
        <CopyBlock what="Then, at the planner" value={joinCommand(window.location.origin)} />
        <Text size="sm">
          {e.state === "requested"
            ? "Before the token can be used, an approver other than you has to approve the enrolment above. "
            : ""}
          The token ends <Time at={e.tokenExpires} />
        </Text>
      </Stack>
    </ToldOnce>
  );
}
