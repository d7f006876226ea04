import { Alert, Button, List, Text } from "@mantine/core";
import { ProblemError } from "../api/client";

/** Says what went wrong, where, and how it can be found in the server's log. */
export function ProblemView({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return (
    <Alert color="red" variant="light" title={problem?.title ?? "This page could not be shown"} my="md" role="alert">
      <Text size="sm">{problem?.detail ?? (error instanceof Error ? error.message : String(error))}</Text>
      {problem?.errors !== undefined && problem.errors.length > 0 && (
        <List size="sm" mt="xs">
          {problem.errors.map((e) => (
            <List.Item key={`${e.pointer ?? e.parameter ?? ""}:${e.line ?? e.position ?? 0}:${e.detail}`}>
              {[e.pointer ?? e.parameter, e.line && `line ${e.line}`, e.position && `character ${e.position}`]
                .filter(Boolean)
                .join(", ")}
              {": "}
              {e.detail}
              {e.remedy ? ` ${e.remedy}` : ""}
            </List.Item>
          ))}
        </List>
      )}
      {problem?.requestId && (
        <Text size="xs" mt="xs">
          Request {problem.requestId}
        </Text>
      )}
      {retry && (
        <Button size="xs" variant="default" mt="sm" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
