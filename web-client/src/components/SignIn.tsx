import { Button, Code, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { useSignIn } from "../api/session";
import { ProblemView } from "./ProblemView";
import { useTitle } from "./title";

export function SignIn({ signIn }: { signIn: ReturnType<typeof useSignIn> }) {
  useTitle("Sign in");
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <main>
      <Paper withBorder maw={480} mx="auto" mt="12vh" p="xl">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate(token.trim());
          }}
        >
          <Stack>
            <Title order={1}>Meridian</Title>
            <PasswordInput
              label="Token"
              description={
                <>
                  <Code>meridian up</Code> prints it behind the address and keeps it in <Code>admin.token</Code> of its
                  data folder.
                </>
              }
              value={token}
              onChange={(event) => setToken(event.currentTarget.value)}
              autoComplete="current-password"
              ref={field}
            />
            {signIn.isError && <ProblemView error={signIn.error} />}
            <Button type="submit" loading={signIn.isPending} disabled={token.trim() === ""}>
              Sign in
            </Button>
            <Text size="xs" c="dimmed">
              The token is exchanged for a session cookie; it is not kept in this browser.
            </Text>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}
