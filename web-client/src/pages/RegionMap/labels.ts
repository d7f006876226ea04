import type { Point } from "./world";

export interface Label {
  id: string;
  text: string;
  at: Point;
  /** Stands over its point if it can; else beside it. */
  over?: boolean;
}

export interface Placed extends Label {
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A letter of the interface's font is about this wide, as a share of its height. */
const letter = 0.68;

const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Puts each label beside its point where it covers neither an earlier label nor a point nor a line nor leaves the view; the first of the list have
 * the best chances. A label for which there is no room is left out: the list beside the map has it.
 */
export function place(
  labels: Label[],
  points: Point[],
  lines: Point[],
  view: { x: number; y: number; w: number; h: number },
  size: number,
): Placed[] {
  const gap = size * 0.8;
  const taken: Box[] = points.map(([x, y]) => ({
    left: x - size * 0.4,
    right: x + size * 0.4,
    top: y - size * 0.4,
    bottom: y + size * 0.4,
  }));
  for (const [x, y] of lines) {
    taken.push({ left: x - size * 0.1, right: x + size * 0.1, top: y - size * 0.1, bottom: y + size * 0.1 });
  }
  const placed: Placed[] = [];
  for (const label of labels) {
    const width = label.text.length * size * letter;
    const [px, py] = label.at;
    const over: [number, number, Placed["anchor"]] = [px, py - gap, "middle"];
    const candidates: [number, number, Placed["anchor"]][] = [
      ...(label.over ? [over] : []),
      [px + gap, py + size * 0.35, "start"],
      [px - gap, py + size * 0.35, "end"],
      [px, py + gap + size * 0.8, "middle"],
      over,
      [px + gap, py + gap + size * 0.5, "start"],
      [px - gap, py + gap + size * 0.5, "end"],
      [px + gap, py - gap, "start"],
      [px - gap, py - gap, "end"],
      [px, py + gap + size * 2, "middle"],
      [px, py - gap - size * 1.2, "middle"],
    ];
    for (const [x, y, anchor] of candidates) {
      const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
      const box = { left, right: left + width, top: y - size * 0.85, bottom: y + size * 0.25 };
      const inside =
        box.left >= view.x && box.right <= view.x + view.w && box.top >= view.y && box.bottom <= view.y + view.h;
      if (inside && !taken.some((t) => overlap(t, box))) {
        taken.push(box);
        placed.push({ ...label, x, y, anchor });
        break;
      }
    }
  }
  return placed;
}
