import { Button, Checkbox, Group, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { createContext, memo, useCallback, useContext, useState } from "react";
import { type DeadLetter, deadLettersQuery, useRedeliver, webhookQuery } from "../../api/notify";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { type RowProps, Rows } from "../../components/Rows";
import { SiteLink } from "../../components/SiteLink";
import { Time } from "../../components/Time";
import { Outcome } from "./Webhook";

const route = getRouteApi("/notifications/$webhook/dead-letters");

const presets: Preset[] = [
  { label: "Refused by the receiver", filter: "status>=400 and status<500" },
  { label: "Receiver failed", filter: "status>=500" },
  { label: "No answer", filter: "not has(status)" },
];

/** As many as one request may name. */
const most = 1000;

const Chosen = createContext<{ ids: ReadonlySet<string>; toggle: (id: string) => void }>({
  ids: new Set(),
  toggle: () => undefined,
});

export function DeadLetters() {
  const { webhook } = route.useParams();
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(deadLettersQuery(webhook, state));
  const name = useQuery(webhookQuery(webhook)).data?.webhook.name ?? webhook;
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback(
    (id: string) =>
      setIds((old) => {
        const next = new Set(old);
        if (!next.delete(id)) {
          next.add(id);
        }
        return next;
      }),
    [],
  );
  const redeliver = useRedeliver(webhook);
  const put = (which: string[] | undefined) => redeliver.mutate(which, { onSuccess: () => setIds(new Set()) });
  return (
    <Stack gap="sm">
      <Text size="sm">
        <Link to="/notifications">Notifications</Link> /{" "}
        <Link to="/notifications/$webhook" params={{ webhook }}>
          {name}
        </Link>
      </Text>
      <Chosen value={{ ids, toggle }}>
        <ListPage<DeadLetter>
          title="Dead letters"
          collection="webhooks/{webhook}/dead-letters"
          noun="dead letters"
          description={`What ${name} was to be told, and what was given up. Redelivered, it goes back into the queue and is sent in order; receivers recognise a repetition by its id.`}
          presets={presets}
          example="site=muc-01 and status>=500"
          state={state}
          setState={(search) => navigate({ search })}
          query={query}
          empty="Nothing has been given up."
        >
          {(items) => (
            <>
              <Group gap="xs" my="xs" className="no-print">
                <Button
                  variant="default"
                  disabled={ids.size === 0}
                  loading={redeliver.isPending}
                  onClick={() => put([...ids].slice(0, most))}
                >
                  Redeliver the chosen ({ids.size})
                </Button>
                <Button
                  variant="default"
                  loading={redeliver.isPending}
                  onClick={() => put(state.filter ? items.slice(0, most).map((d) => d.id) : undefined)}
                >
                  {state.filter ? `Redeliver those shown (${Math.min(items.length, most)})` : "Redeliver all"}
                </Button>
              </Group>
              <Table className="sticky" verticalSpacing={6}>
                <Head
                  columns={[
                    { name: "Choose", w: 70, className: "no-print" },
                    { name: "Given up", w: "16%" },
                    { name: "What", w: "26%" },
                    { name: "Site", w: "12%" },
                    "Last attempt",
                  ]}
                />
                <Rows items={items} id={(d) => d.id} row={LetterRow} columns={5} height={64} />
              </Table>
            </>
          )}
        </ListPage>
      </Chosen>
      {redeliver.isError && <ProblemView error={redeliver.error} />}
      {redeliver.data && (
        <Text size="sm" role="status">
          {redeliver.data.redelivered.toLocaleString("en")} put back into the queue.
        </Text>
      )}
    </Stack>
  );
}

const LetterRow = memo(function LetterRow({ item: d, measure, index }: RowProps<DeadLetter>) {
  const { ids, toggle } = useContext(Chosen);
  return (
    <tr className="top" data-letter={d.id} ref={measure} data-index={index}>
      <td className="no-print">
        <Checkbox size="xs" aria-label={`Choose ${d.id}`} checked={ids.has(d.id)} onChange={() => toggle(d.id)} />
      </td>
      <td>
        <Time at={d.at} />
      </td>
      <td className="any">
        {d.last.kind || "message"}
        <span className="sub">{d.id}</span>
      </td>
      <td>{d.last.site ? <SiteLink site={d.last.site}>{d.last.site}</SiteLink> : "several"}</td>
      <td className="any">
        <Outcome attempt={d.last} />
      </td>
    </tr>
  );
});
