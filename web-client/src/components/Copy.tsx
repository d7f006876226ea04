import { Alert, Button, Code, CopyButton, Group, Text } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";

/** A button that puts a text on the clipboard, named by what it copies. */
export function Copy({ value, what, label = "Copy" }: { value: string; what: string; label?: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button
          size="compact-xs"
          variant="default"
          onClick={copy}
          aria-label={`${label}: ${what}`}
          className="no-print"
        >
          {copied ? "Copied" : label}
        </Button>
      )}
    </CopyButton>
  );
}

/** A text of several lines that is to be copied as it stands. */
export function CopyBlock({ value, what }: { value: string; what: string }) {
  return (
    <div>
      <Group justify="space-between" mb={2}>
        <Text size="xs" c="dimmed">
          {what}
        </Text>
        <Copy value={value} what={what} />
      </Group>
      <Code block component="pre" tabIndex={0} aria-label={what}>
        {value}
      </Code>
    </div>
  );
}

/** What the server tells once: it stays on the page until it is put away, and is not printed. */
export function ToldOnce({ title, done, children }: { title: string; done: () => void; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <Alert
      ref={box}
      tabIndex={-1}
      role="group"
      aria-label={title}
      variant="default"
      title={title}
      className="no-print told-once"
      styles={{ body: { minWidth: 0 } }}
    >
      <Text size="sm" mb="xs">
        It is shown this once and kept nowhere. Copy it before you leave this page.
      </Text>
      {children}
      <Button mt="sm" size="xs" variant="default" onClick={done}>
        I have kept it
      </Button>
    </Alert>
  );
}
