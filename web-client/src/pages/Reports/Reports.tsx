import { Button, Group, Paper, Radio, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { fetchReport, reportAddress } from "../../api/report";
import { ProblemView } from "../../components/ProblemView";
import { useTitle } from "../../components/title";

const formats = [
  { format: "html", label: "HTML" },
  { format: "pdf", label: "PDF" },
  { format: "xlsx", label: "Excel" },
  { format: "csv", label: "CSV" },
  { format: "md", label: "Markdown" },
  { format: "json", label: "JSON" },
] as const;

export function Reports() {
  useTitle("Reports");
  const [filter, setFilter] = useState("");
  const [asOf, setAsOf] = useState("");
  const [rules, setRules] = useState<"then" | "now">("now");
  const save = useMutation({
    mutationFn: fetchReport,
    onSuccess: ({ name, content }) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(content);
      link.download = name;
      link.click();
      // The browser has taken the content by the time the next task runs.
      setTimeout(() => URL.revokeObjectURL(link.href));
    },
  });
  return (
    <Stack gap="sm" maw={820}>
      <Title order={1}>Reports</Title>
      <Paper withBorder p="md">
        <Title order={2} mb={4}>
          Compliance
        </Title>
        <Text size="sm" mb="md">
          Who complies, under which rules, on what evidence, how fresh it is, and what is unknown.
        </Text>
        <Stack gap="md">
          <TextInput
            label="Only findings that match"
            description="In the filter language of the lists; empty takes all."
            placeholder="severity>=high and country=DE"
            value={filter}
            onChange={(e) => setFilter(e.currentTarget.value)}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          />
          <TextInput
            type="datetime-local"
            label="As of"
            description="Date and time in UTC; empty means now. A past instant needs the history."
            value={asOf}
            max="9999-12-31T23:59"
            onChange={(e) => setAsOf(e.currentTarget.value)}
            w={360}
          />
          <Radio.Group label="Rules" value={rules} onChange={(v) => setRules(v === "then" ? "then" : "now")}>
            <Group mt={4}>
              <Radio value="now" label="those in force now" disabled={asOf === ""} />
              <Radio value="then" label="those in force then" disabled={asOf === ""} />
            </Group>
          </Radio.Group>
          <Group gap="xs" role="group" aria-label="Formats">
            {formats.map((f) => {
              const address = reportAddress({ format: f.format, filter, asOf, rules });
              return (
                <Button
                  component="a"
                  variant="default"
                  key={f.format}
                  href={address}
                  onClick={(event) => {
                    // A report is saved by the page itself, so that a refusal is told here; with a key held the browser opens the address.
                    if (!event.metaKey && !event.ctrlKey && !event.shiftKey) {
                      event.preventDefault();
                      save.mutate(address);
                    }
                  }}
                >
                  {f.label}
                </Button>
              );
            })}
          </Group>
          <Text size="sm" c="dimmed" role="status">
            {save.isPending ? "The report is being made." : save.isSuccess ? `${save.data.name} is saved.` : ""}
          </Text>
          {save.isError && <ProblemView error={save.error} />}
        </Stack>
      </Paper>
    </Stack>
  );
}
