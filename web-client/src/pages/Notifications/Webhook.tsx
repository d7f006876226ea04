import { Button, Code, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { fleetKey } from "../../api/fleet";
import {
  deliveriesQuery,
  isStale,
  useDeleteWebhook,
  useTestWebhook,
  useUpdateWebhook,
  type Webhook as W,
  type WebhookAttempt,
  webhookQuery,
} from "../../api/notify";
import { Dot } from "../../components/Badges";
import { Confirm } from "../../components/Confirm";
import { Head } from "../../components/Head";
import { LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";
import { useTitle } from "../../components/title";
import { digestText, templateText, WebhookState } from "./Notifications";
import { Secret } from "./Secret";
import { draftOf, WebhookForm } from "./WebhookForm";

const route = getRouteApi("/notifications/$webhook");

export function Webhook() {
  const { webhook: id } = route.useParams();
  const query = useQuery(webhookQuery(id));
  const w = query.data?.webhook;
  useTitle(w ? w.name : "Webhook");
  return (
    <Stack gap="md">
      <div>
        <Text size="sm">
          <Link to="/notifications">Notifications</Link>
        </Text>
        <Title order={1} className="any">
          {w?.name ?? id}
        </Title>
      </div>
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.isPending && <LoadingRows noun="deliveries" />}
      {query.data && w && (
        <>
          <Facts w={w} />
          <Acts key={w.id} w={w} tag={query.data.tag} />
          <Deliveries id={w.id} />
        </>
      )}
    </Stack>
  );
}

function Facts({ w }: { w: W }) {
  return (
    <dl className="facts">
      <div>
        <dt>State</dt>
        <dd>
          <WebhookState webhook={w} />
        </dd>
      </div>
      <div>
        <dt>Sent to</dt>
        <dd className="any">
          {w.host} as {templateText(w.template)}
        </dd>
      </div>
      <div>
        <dt>When</dt>
        <dd>{digestText(w.digest)}</dd>
      </div>
      <div>
        <dt>Events</dt>
        <dd className="any">{w.events.join(", ")}</dd>
      </div>
      <div>
        <dt>Only what matches</dt>
        <dd className="any">{w.filter ? <Code>{w.filter}</Code> : "everything"}</dd>
      </div>
      <div>
        <dt>Headers</dt>
        <dd className="any">{w.headers.join(", ") || "none of its own"}</dd>
      </div>
      <div>
        <dt>Secret</dt>
        <dd className="any">{w.secretFile ? `file ${w.secretFile}` : "made by the server"}</dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>
          <Time at={w.createdAt} /> by {w.createdBy}
        </dd>
      </div>
    </dl>
  );
}

type Shown = "nothing" | "edit" | "delete";

function Acts({ w, tag }: { w: W; tag: string }) {
  const [shown, setShown] = useState<Shown>("nothing");
  // What is changed is what was read when it was begun: another's change that arrives meanwhile must not be undone unseen.
  const [begun, setBegun] = useState({ w, tag });
  const test = useTestWebhook();
  const update = useUpdateWebhook(w.id, begun.tag);
  const remove = useDeleteWebhook(w.id, begun.tag);
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const begin = (next: Shown) => {
    setBegun({ w, tag });
    update.reset();
    remove.reset();
    setShown(next);
  };
  const readAgain = () => {
    setShown("nothing");
    queries.invalidateQueries({ queryKey: [fleetKey, "webhook", w.id] });
  };
  return (
    <Stack gap="sm">
      <Group gap="xs" className="no-print">
        <Button variant="default" loading={test.isPending} onClick={() => test.mutate(w.id)}>
          Send a test
        </Button>
        <Button variant="default" onClick={() => begin("edit")} disabled={shown === "edit"}>
          Edit
        </Button>
        <Button variant="default" onClick={() => begin("delete")}>
          Delete
        </Button>
      </Group>
      {test.isError && <ProblemView error={test.error} />}
      {test.data && (
        <Text size="sm" role="status">
          {test.data.error
            ? `The test did not arrive: ${test.data.error}`
            : `The test arrived: the receiver answered ${test.data.status} in ${test.data.took}.`}
        </Text>
      )}
      {update.data && <Secret answer={update.data} done={() => update.reset()} />}
      {shown === "edit" && (
        <section aria-label={`Edit ${w.name}`} className="no-print">
          <WebhookForm
            start={draftOf(begun.w)}
            act="Save"
            pending={update.isPending}
            error={update.error}
            save={(body) => update.mutate(body, { onSuccess: () => setShown("nothing") })}
            cancel={() => setShown("nothing")}
          />
          {isStale(update.error) && (
            <Button mt="xs" variant="default" onClick={readAgain}>
              Read it again
            </Button>
          )}
        </section>
      )}
      {shown === "delete" && (
        <Confirm
          title={`Delete the webhook ${w.name}`}
          act="Delete"
          ending
          pending={remove.isPending}
          error={remove.error}
          confirm={() => remove.mutate(undefined, { onSuccess: () => navigate({ to: "/notifications" }) })}
          cancel={() => setShown("nothing")}
        >
          {w.host} is told of nothing any more. What waits in its queue and its dead letters are gone with it. To send
          nothing for a time, edit it and disable it instead: then what is in the queue waits.
        </Confirm>
      )}
    </Stack>
  );
}

function Deliveries({ id }: { id: string }) {
  const query = useQuery(deliveriesQuery(id));
  const d = query.data;
  return (
    <section aria-labelledby="deliveries">
      <Group justify="space-between" align="baseline">
        <Title order={2} id="deliveries">
          Deliveries
        </Title>
        <Link to="/notifications/$webhook/dead-letters" params={{ webhook: id }}>
          Dead letters
        </Link>
      </Group>
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.isPending && <LoadingRows noun="deliveries" />}
      {d && (
        <Text size="sm" role="status">
          <b>{d.waiting.toLocaleString("en")}</b> wait, <b>{d.delivered.toLocaleString("en")}</b> delivered,{" "}
          <b>{d.failed.toLocaleString("en")}</b> attempts failed.
        </Text>
      )}
      {d &&
        (d.attempts.length === 0 ? (
          <Text my="sm">Nothing has been sent yet.</Text>
        ) : (
          <Attempts attempts={d.attempts} />
        ))}
    </section>
  );
}

function Attempts({ attempts }: { attempts: WebhookAttempt[] }) {
  return (
    <Table className="sticky" verticalSpacing={6}>
      <Head
        columns={[
          { name: "When", w: "16%" },
          { name: "What", w: "22%" },
          { name: "Attempt", w: "12%", className: "numeric" },
          "Outcome",
        ]}
      />
      <tbody className="rows">
        {attempts.map((a) => (
          <tr key={`${a.delivery} ${a.number} ${a.at}`} className="top" data-attempt={a.kind}>
            <td>
              <Time at={a.at} />
            </td>
            <td className="any">
              {a.kind || "message"}
              {a.site && <span className="sub">{a.site}</span>}
              <span className="sub">{a.delivery}</span>
            </td>
            <td className="numeric">
              {a.number}
              <span className="sub">took {a.took}</span>
            </td>
            <td className="any">
              <Outcome attempt={a} />
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** What became of an attempt, in a word and with its cause. */
export function Outcome({ attempt: a }: { attempt: WebhookAttempt }) {
  return (
    <>
      <Dot
        color={a.error ? "var(--critical)" : "var(--good)"}
        title={a.error ?? "The receiver accepted it"}
        text={a.error ? "failed" : "delivered"}
      />
      {a.status !== undefined && <> HTTP {a.status}</>}
      {a.error && <span className="sub">{a.error}</span>}
      {a.next && (
        <span className="sub">
          tried again <Time at={a.next} />
        </span>
      )}
    </>
  );
}
