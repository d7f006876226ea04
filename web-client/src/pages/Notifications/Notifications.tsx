import { Button, Stack, Table, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo, useState } from "react";
import { templates, useCreateWebhook, type Webhook, webhooksQuery } from "../../api/notify";
import { Dot } from "../../components/Badges";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
import { Time } from "../../components/Time";
import { Secret } from "./Secret";
import { blankWebhook, WebhookForm } from "./WebhookForm";

const route = getRouteApi("/notifications");

const presets: Preset[] = [
  { label: "Disabled", filter: "disabled=true" },
  { label: "Teams", filter: "template=teams" },
  { label: "Slack", filter: "template=slack" },
];

export function Notifications() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(webhooksQuery(state));
  const [adding, setAdding] = useState(false);
  const create = useCreateWebhook();
  return (
    <Stack gap="lg">
      <ListPage<Webhook>
        title="Notifications"
        collection="webhooks"
        noun="webhooks"
        description="Webhooks that tell other systems what opens, closes and goes silent. Messages are signed, sent in order, and tried again; what is given up stays until it is redelivered."
        presets={presets}
        example='name~"portal*"'
        state={state}
        setState={(search) => navigate({ search })}
        query={query}
        empty="Nobody is told of anything yet. Add a webhook below."
      >
        {(items) => (
          <Table className="sticky" verticalSpacing={6}>
            <Head
              columns={[{ name: "Name", w: "22%" }, { name: "Sent to", w: "22%" }, "What", { name: "State", w: "18%" }]}
            />
            <Rows items={items} id={(w) => w.id} row={WebhookRow} columns={4} height={64} />
          </Table>
        )}
      </ListPage>
      <section aria-labelledby="add" className="no-print">
        <Title order={2} id="add" mb="xs">
          Add a webhook
        </Title>
        {create.data ? (
          <Secret answer={create.data} done={() => create.reset()} />
        ) : adding ? (
          <WebhookForm
            start={blankWebhook}
            pending={create.isPending}
            error={create.error}
            act="Add the webhook"
            save={(body) => create.mutate(body, { onSuccess: () => setAdding(false) })}
            cancel={() => {
              create.reset();
              setAdding(false);
            }}
          />
        ) : (
          <Button variant="default" onClick={() => setAdding(true)}>
            Add a webhook
          </Button>
        )}
      </section>
    </Stack>
  );
}

/** Whether a webhook sends, in one word with the reason beside the pointer. */
export function WebhookState({ webhook: w }: { webhook: Webhook }) {
  if (w.broken) {
    return (
      <>
        <Dot color="var(--critical)" title={w.broken} text="broken" />
        <span className="sub any">{w.broken}</span>
      </>
    );
  }
  if (w.disabled) {
    return (
      <>
        <Dot color="var(--medium)" title="Sends nothing; what is in the queue waits" text="disabled" />
        <span className="sub any">
          <Time at={w.disabled.at} />: {w.disabled.reason}
        </span>
      </>
    );
  }
  return <Dot color="var(--good)" title="Messages are sent" text="sending" />;
}

export const templateText = (template: Webhook["template"]): string =>
  templates.find((t) => t.value === template)?.label ?? template;

/** When messages are sent: at once, or collected. */
export function digestText(d: Webhook["digest"]): string {
  if (d?.every) {
    return `collected, every ${d.every}`;
  }
  return d?.dailyAt ? `collected, daily at ${d.dailyAt} ${d.timeZone ?? "UTC"}` : "at once";
}

const WebhookRow = memo(function WebhookRow({ item: w, measure, index }: RowProps<Webhook>) {
  return (
    <tr className="top" data-webhook={w.id} ref={measure} data-index={index}>
      <th scope="row" className="any">
        <Link to="/notifications/$webhook" params={{ webhook: w.id }}>
          {w.name}
        </Link>
        <span className="sub">{w.id}</span>
      </th>
      <td className="any">
        {w.host}
        <span className="sub">{templateText(w.template)}</span>
      </td>
      <td className="any">
        {w.events.join(", ")}
        <span className="sub">
          {w.filter ? <code>{w.filter}</code> : "of all sites"}; {digestText(w.digest)}
        </span>
      </td>
      <td>
        <WebhookState webhook={w} />
      </td>
    </tr>
  );
});
