import { Button, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ProblemView } from "./ProblemView";

interface Props {
  title: string;
  /** What follows from it, in plain words. */
  children: ReactNode;
  /** What the button that does it says. */
  act: string;
  /** A reason has to be given, which the audit keeps. */
  reasoned?: boolean;
  /** It ends something. */
  ending?: boolean;
  pending: boolean;
  error: unknown;
  confirm: (reason: string) => void;
  cancel: () => void;
}

/** Asks before something is done that cannot be taken back. */
export function Confirm(p: Props) {
  const [reason, setReason] = useState("");
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  // The browser keeps the focus inside, gives it back, and closes with the Escape key.
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={title} onClose={p.cancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          p.confirm(reason.trim());
        }}
      >
        <Stack gap="sm">
          <Title order={2} id={title}>
            {p.title}
          </Title>
          <Text size="sm" component="div">
            {p.children}
          </Text>
          {p.reasoned && (
            <TextInput
              label="Reason"
              description="The audit keeps it."
              required
              maxLength={500}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          {p.error !== null && p.error !== undefined && <ProblemView error={p.error} />}
          <Group justify="end">
            <Button variant="default" onClick={p.cancel}>
              Cancel
            </Button>
            <Button
              type="submit"
              className={p.ending ? "ending" : undefined}
              loading={p.pending}
              disabled={p.reasoned && reason.trim() === ""}
            >
              {p.act}
            </Button>
          </Group>
        </Stack>
      </form>
    </dialog>
  );
}
