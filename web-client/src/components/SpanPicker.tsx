import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { fromField, lastDays, type Span, toField } from "../api/history";
import { Copy } from "./Copy";
import { absolute } from "./Time";

interface Props {
  span: Span;
  setSpan: (s: Required<Span>) => void;
  children?: ReactNode;
}

const lasts = [
  { days: 1, label: "Last day" },
  { days: 7, label: "Last 7 days" },
  { days: 30, label: "Last 30 days" },
  { days: 90, label: "Last 90 days" },
];

/** Chooses two instants in UTC. Both end up in the address; "last" counts from the moment it is chosen and does not move on. */
export function SpanPicker({ span, setSpan, children }: Props) {
  const [from, setFrom] = useState(toField(span.from));
  const [to, setTo] = useState(toField(span.to));
  useEffect(() => setFrom(toField(span.from)), [span.from]);
  useEffect(() => setTo(toField(span.to)), [span.to]);
  const instants = { from: fromField(from), to: fromField(to) };
  const fault =
    instants.from === undefined || instants.to === undefined
      ? "Give both instants"
      : instants.from >= instants.to
        ? "The first instant is not before the second"
        : undefined;
  const applied = instants.from === span.from && instants.to === span.to;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!fault && instants.from !== undefined && instants.to !== undefined) {
      setSpan({ from: instants.from, to: instants.to });
    }
  };
  return (
    <Stack gap={6}>
      <Text size="sm" className="only-print">
        From {absolute(span.from ?? "")} to {absolute(span.to ?? "")}
      </Text>
      <form onSubmit={submit} className="no-print">
        <Group gap="xs" align="end">
          <TextInput
            type="datetime-local"
            step={1}
            label="From (UTC)"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            max="9999-12-31T23:59:59"
            w={240}
          />
          <TextInput
            type="datetime-local"
            step={1}
            label="To (UTC)"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            max="9999-12-31T23:59:59"
            w={240}
          />
          {children}
          <Button type="submit" variant={applied ? "default" : "filled"} disabled={fault !== undefined}>
            Show this span
          </Button>
        </Group>
        {fault && (
          <Text size="xs" role="alert" mt={4} style={{ color: "var(--critical)" }}>
            {fault}.
          </Text>
        )}
      </form>
      <Group gap={6} className="no-print">
        {lasts.map((l) => (
          <Button key={l.days} size="compact-xs" variant="default" onClick={() => setSpan(lastDays(l.days))}>
            {l.label}
          </Button>
        ))}
        <Copy value={window.location.href} what="link to exactly this" label="Copy the link" />
      </Group>
    </Stack>
  );
}
