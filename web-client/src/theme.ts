import { createTheme, type MantineColorsTuple } from "@mantine/core";

const sea: MantineColorsTuple = [
  "#e6f6f8",
  "#d3eaee",
  "#a9d5dd",
  "#7bbfcb",
  "#55adbc",
  "#3da1b3",
  "#2b9bae",
  "#17879a",
  "#03788a",
  "#006879",
];

export const theme = createTheme({
  primaryColor: "sea",
  primaryShade: { light: 9, dark: 4 },
  autoContrast: true,
  colors: { sea },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  headings: {
    fontWeight: "600",
    sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.15rem" }, h3: { fontSize: "1rem" } },
  },
  defaultRadius: "sm",
});
