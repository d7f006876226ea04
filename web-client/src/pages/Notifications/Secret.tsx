import { Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/client";
import { CopyBlock, ToldOnce } from "../../components/Copy";

/** The secret of a webhook when one was made, or that there is none to keep. */
export function Secret({ answer, done }: { answer: Schemas["WebhookSecret"]; done: () => void }) {
  const to = (
    <Link to="/notifications/$webhook" params={{ webhook: answer.webhook.id }}>
      {answer.webhook.name}
    </Link>
  );
  if (!answer.secret) {
    return (
      <Text size="sm" role="status">
        {to} is stored; its secret is the one of its file or the one it had.
      </Text>
    );
  }
  return (
    <ToldOnce title={`The secret of ${answer.webhook.name}`} done={done}>
      <Stack gap="sm">
        <CopyBlock what="Secret: the receiver checks the header webhook-signature with it" value={answer.secret} />
        <Text size="sm">Then send a test from the page of {to}.</Text>
      </Stack>
    </ToldOnce>
  );
}
