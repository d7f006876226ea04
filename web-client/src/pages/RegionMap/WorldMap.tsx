import { Group, Text } from "@mantine/core";
import { useId } from "react";
import { severities } from "../../components/Badges";
import { type Label, place } from "./labels";
import { type Way, wayLabel, wayText } from "./ways";
import { along, curve, landPath, type Point, spherePath, top, type View, width, world } from "./world";

interface Props {
  ways: Way[];
  /** The mismatch that is pointed at. */
  active: string | null;
  setActive: (id: string | null) => void;
  view?: View;
  /** How wide the drawing is shown, in pixels, roughly; words are as high as elsewhere on the page. */
  pixels?: number;
  /** Names the regions as well as the sites. */
  regions?: boolean;
}

/** The mismatches drawn on a part of the world. The table beside it holds the same for those who do not see the drawing. */
export function WorldMap({ ways, active, setActive, view = world, pixels = width, regions = false }: Props) {
  // One pixel of the page in units of the drawing.
  const px = view.w / pixels;
  const labels: Label[] = [];
  for (const w of ways) {
    labels.push({ id: w.id, text: regions ? `${w.from.name}: ${wayLabel(w)}` : wayLabel(w), at: w.from.at });
  }
  if (regions) {
    for (const w of ways) {
      labels.push({ id: `${w.id} to`, text: w.to.name, at: w.to.at });
      if (w.roundTrip) {
        labels.push({ id: `${w.id} rtt`, text: w.roundTrip, at: top(w.from.at, w.to.at), over: true });
      }
    }
  }
  const points: Point[] = ways.flatMap((w) => [w.from.at, w.to.at]);
  const lines: Point[] = ways.flatMap((w) => along(w.from.at, w.to.at));
  const isActive = (w: Way) => active !== null && w.items.some((m) => m.id === active);
  const words = ways.map((w) => `${wayLabel(w)} from ${w.from.name} to ${w.to.name}`).join("; ");
  const clip = useId();
  return (
    <svg
      viewBox={`${view.x} ${view.y} ${view.w} ${view.h}`}
      role="img"
      aria-label={`Map of ${ways.length === 1 ? "one way" : `${ways.length} ways`} from ThingWorx to its database; the table holds the same. ${words}`}
      style={{ width: "100%", display: "block", background: "var(--sea)", borderRadius: 4 }}
    >
      <clipPath id={clip}>
        <path d={spherePath} />
      </clipPath>
      <path d={spherePath} fill="var(--sea)" stroke="var(--land-line)" strokeWidth={0.5 * px} />
      <path
        d={landPath}
        clipPath={`url(#${clip})`}
        fill="var(--land)"
        stroke="var(--land-line)"
        strokeWidth={0.7 * px}
      />
      {ways.map((w) => (
        <Arc
          key={w.id}
          w={w}
          px={px}
          active={isActive(w)}
          dimmed={active !== null && !isActive(w) && ways.some(isActive)}
          setActive={setActive}
        />
      ))}
      {place(labels, points, lines, view, 12 * px).map((l) => (
        <text
          key={l.id}
          x={l.x}
          y={l.y}
          textAnchor={l.anchor}
          fontSize={12 * px}
          fontWeight={600}
          fill="var(--mantine-color-text)"
          stroke="var(--sea)"
          strokeWidth={3 * px}
          paintOrder="stroke"
          strokeLinejoin="round"
          pointerEvents="none"
        >
          {l.text}
        </text>
      ))}
    </svg>
  );
}

interface ArcProps {
  w: Way;
  px: number;
  active: boolean;
  dimmed: boolean;
  setActive: Props["setActive"];
}

function Arc({ w, px, active, dimmed, setActive }: ArcProps) {
  const color = `var(--${w.severity ?? "unknown"})`;
  const r = (active ? 6 : 4.5) * px;
  const line = Math.min(6, 2 + Math.log2(w.items.length)) + (active ? 1.5 : 0);
  const d = curve(w.from.at, w.to.at);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the rows of the table do the same for the keyboard.
    <g
      opacity={dimmed ? 0.25 : 1}
      onMouseEnter={() => setActive(w.items[0]?.id ?? null)}
      onMouseLeave={() => setActive(null)}
    >
      <title>
        {w.items
          .slice(0, 12)
          .map(
            (m) =>
              `${m.siteName} (${m.id}): ${w.from.name} to ${w.to.name}, ${wayText(m)}, ${m.severity ?? "no severity"}`,
          )
          .join("\n")}
      </title>
      <path d={d} fill="none" stroke={color} strokeWidth={line * px} strokeLinecap="round" />
      <path d={d} fill="none" stroke="transparent" strokeWidth={14 * px} />
      <rect
        x={w.to.at[0] - r}
        y={w.to.at[1] - r}
        width={2 * r}
        height={2 * r}
        fill="var(--mantine-color-body)"
        stroke={color}
        strokeWidth={2 * px}
      />
      <circle
        cx={w.from.at[0]}
        cy={w.from.at[1]}
        r={r}
        fill={color}
        stroke="var(--mantine-color-body)"
        strokeWidth={px}
      />
    </g>
  );
}

export function Legend() {
  return (
    <Group gap="md" mt={4}>
      <Text size="xs">● ThingWorx</Text>
      <Text size="xs">□ its database</Text>
      {severities.slice(0, 4).map((s) => (
        <Text key={s} size="xs">
          <span
            aria-hidden="true"
            style={{
              display: "inline-block",
              width: 20,
              height: 3,
              background: `var(--${s})`,
              verticalAlign: "middle",
              marginInlineEnd: 4,
            }}
          />
          {s}
        </Text>
      ))}
    </Group>
  );
}
