import { Button, Checkbox, Fieldset, Group, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { type ChangeEvent, type FormEvent, memo, useCallback, useState } from "react";
import {
  eventGroups,
  templates,
  type Webhook,
  type WebhookEvent,
  type WebhookRequest,
  type WebhookTemplate,
} from "../../api/notify";
import { ProblemView } from "../../components/ProblemView";

type When = "once" | "every" | "daily";

/** What is written in the form. */
export interface Draft {
  /** It is stored already: what is left out of URL and headers stays. */
  stored: boolean;
  name: string;
  url: string;
  template: WebhookTemplate;
  events: WebhookEvent[];
  filter: string;
  when: When;
  every: string;
  dailyAt: string;
  timeZone: string;
  headers: string;
  secretFile: string;
  rotateSecret: boolean;
  disabled: boolean;
}

/** What is written as text. */
type Written = "name" | "url" | "filter" | "every" | "dailyAt" | "timeZone" | "headers" | "secretFile";

export const blankWebhook: Draft = {
  stored: false,
  name: "",
  url: "",
  template: "cloudevents",
  events: ["finding.opened", "finding.closed", "site.lost"],
  filter: "",
  when: "once",
  every: "15m",
  dailyAt: "07:30",
  timeZone: "",
  headers: "",
  secretFile: "",
  rotateSecret: false,
  disabled: false,
};

/** The form of a webhook that is stored. */
export function draftOf(w: Webhook): Draft {
  return {
    ...blankWebhook,
    stored: true,
    name: w.name,
    template: w.template,
    events: w.events,
    filter: w.filter,
    when: w.digest?.every ? "every" : w.digest?.dailyAt ? "daily" : "once",
    every: w.digest?.every ?? blankWebhook.every,
    dailyAt: w.digest?.dailyAt ?? blankWebhook.dailyAt,
    timeZone: w.digest?.timeZone ?? "",
    secretFile: w.secretFile ?? "",
    disabled: w.disabled !== undefined,
  };
}

/** Headers, one a line, as NAME: VALUE; the line that is none when there is one. */
export function headersOf(text: string): Record<string, string> | string {
  const out: Record<string, string> = {};
  for (const line of text.split("\n").filter((l) => l.trim() !== "")) {
    const at = line.indexOf(":");
    if (at <= 0 || line.slice(at + 1).trim() === "") {
      return line.trim();
    }
    out[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return out;
}

/** What is sent for the form, or what is wrong in it. */
export function requestOf(d: Draft): WebhookRequest | string {
  const headers = headersOf(d.headers);
  if (typeof headers === "string") {
    return `${headers} is no header: write NAME: VALUE, one a line`;
  }
  if (d.events.length === 0) {
    return "Choose at least one event";
  }
  const body: WebhookRequest = { name: d.name.trim(), events: d.events, template: d.template, filter: d.filter.trim() };
  if (d.url.trim() !== "") {
    body.url = d.url.trim();
  }
  if (d.when === "every") {
    body.digest = { every: d.every.trim() };
  } else if (d.when === "daily") {
    body.digest = { dailyAt: d.dailyAt, ...(d.timeZone.trim() ? { timeZone: d.timeZone.trim() } : {}) };
  }
  if (Object.keys(headers).length > 0) {
    body.headers = headers;
  }
  if (d.secretFile.trim() !== "") {
    body.secretFile = d.secretFile.trim();
  }
  if (d.rotateSecret) {
    body.rotateSecret = true;
  }
  if (d.disabled) {
    body.disabled = true;
  }
  return body;
}

interface Props {
  start: Draft;
  act: string;
  pending: boolean;
  error: unknown;
  save: (body: WebhookRequest) => void;
  cancel: () => void;
}

export function WebhookForm(p: Props) {
  const [d, setD] = useState(p.start);
  const [fault, setFault] = useState<string>();
  const set = <K extends keyof Draft>(name: K, value: Draft[K]) => {
    setFault(undefined);
    setD((old) => ({ ...old, [name]: value }));
  };
  const written = (name: Written) => ({
    value: d[name],
    onChange: (event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => set(name, event.currentTarget.value),
  });
  const ticked = (name: "rotateSecret" | "disabled") => ({
    checked: d[name],
    onChange: (event: ChangeEvent<HTMLInputElement>) => set(name, event.currentTarget.checked),
  });
  const choose = useCallback((event: WebhookEvent, chosen: boolean) => {
    setFault(undefined);
    setD((old) => ({ ...old, events: [...old.events.filter((e) => e !== event), ...(chosen ? [event] : [])] }));
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = requestOf(d);
    if (typeof body === "string") {
      setFault(body);
    } else {
      p.save(body);
    }
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" maw={860}>
        <Group grow align="start">
          <TextInput label="Name" placeholder="service portal" required maxLength={100} {...written("name")} />
          <NativeSelect
            label="Form of the message"
            data={templates}
            value={d.template}
            onChange={(event) =>
              set("template", templates.find((t) => t.value === event.currentTarget.value)?.value ?? "cloudevents")
            }
          />
        </Group>
        <TextInput
          label="URL"
          type="url"
          placeholder={d.stored ? "the one that is stored" : "https://portal.example.com/hooks/meridian"}
          description={
            d.stored
              ? "Empty keeps the one that is stored. It is told by no answer beyond its host."
              : "Private addresses are refused unless the server's configuration allows them."
          }
          required={!d.stored}
          maxLength={2048}
          {...written("url")}
          autoComplete="off"
        />
        <Events chosen={d.events} choose={choose} />
        <TextInput
          label="Only what matches"
          description="In the filter language of the findings list, over site, country, region, tag.*, cluster, infrastructure, node, rule, severity, verdict, confidence and waived."
          placeholder="severity>=high and country=DE"
          {...written("filter")}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        />
        <Group align="end">
          <NativeSelect
            label="Sent"
            data={[
              { value: "once", label: "at once" },
              { value: "every", label: "collected, every …" },
              { value: "daily", label: "collected, once a day" },
            ]}
            value={d.when}
            onChange={(event) => {
              const when = event.currentTarget.value;
              set("when", when === "every" || when === "daily" ? when : "once");
            }}
          />
          {d.when === "every" && <TextInput label="Every" placeholder="15m" required w={110} {...written("every")} />}
          {d.when === "daily" && (
            <>
              <TextInput label="At" type="time" required w={130} {...written("dailyAt")} />
              <TextInput label="Time zone" placeholder="UTC, or Europe/Berlin" {...written("timeZone")} />
            </>
          )}
        </Group>
        <Group grow align="start">
          <Textarea
            label="Headers"
            description={
              d.stored
                ? "NAME: VALUE, one a line. Empty keeps those that are stored."
                : "NAME: VALUE, one a line. Values are told by no answer."
            }
            rows={2}
            {...written("headers")}
          />
          <TextInput
            label="Secret from a file"
            description="Its name in the server's folder of secrets. Empty: a secret is made."
            {...written("secretFile")}
          />
        </Group>
        <Group>
          {d.stored && <Checkbox label="Make a new secret" {...ticked("rotateSecret")} />}
          <Checkbox label="Disabled: send nothing; what is in the queue waits" {...ticked("disabled")} />
        </Group>
        <Group>
          <Button type="submit" loading={p.pending}>
            {p.act}
          </Button>
          <Button variant="default" onClick={p.cancel}>
            Cancel
          </Button>
          {fault && (
            <Text size="sm" role="alert" style={{ color: "var(--critical)" }}>
              {fault}.
            </Text>
          )}
        </Group>
        {p.error !== null && p.error !== undefined && <ProblemView error={p.error} />}
      </Stack>
    </form>
  );
}

interface EventsProps {
  chosen: WebhookEvent[];
  choose: (event: WebhookEvent, chosen: boolean) => void;
}

/** It is drawn anew only when another event is chosen, not with each key that is pressed beside it. */
const Events = memo(function Events({ chosen, choose }: EventsProps) {
  return (
    <Fieldset legend="Events">
      <Group align="start" gap="xl">
        {eventGroups.map((g) => (
          <Stack key={g.group} gap={6} role="group" aria-label={g.group}>
            <Text size="sm" fw={600}>
              {g.group}
            </Text>
            {g.events.map((e) => (
              <Checkbox
                key={e.event}
                size="xs"
                label={e.label}
                aria-label={`${g.group} ${e.label}`}
                checked={chosen.includes(e.event)}
                onChange={(event) => choose(e.event, event.currentTarget.checked)}
              />
            ))}
          </Stack>
        ))}
      </Group>
    </Fieldset>
  );
});
