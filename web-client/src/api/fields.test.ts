import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fields } from "./fields";

test("every field that is offered for a filter is one of the contract", () => {
  const contract = readFileSync("../api/openapi.yaml", "utf8");
  for (const [collection, offered] of Object.entries(fields)) {
    const operation = contract.slice(contract.indexOf(`\n  /${collection}:\n`));
    const known = /x-filter-fields: \[(.*?)\]/.exec(operation)?.[1]?.split(", ");
    expect(known, collection).toBeDefined();
    expect(offered.split(" ").filter((f) => !known?.includes(f))).toEqual([]);
  }
});
