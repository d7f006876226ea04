package plan

import (
	"encoding/json"
	"fmt"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Schema returns the JSON Schema (draft 2020-12) of PlanRequest. What a request has in common with an inventory is defined
// as the schema of SiteInventory defines it. That constraints fit together is for Parse alone.
func Schema() ([]byte, error) {
	var of struct {
		Schema string                     `json:"$schema"`
		Defs   map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(inventory.Schema(), &of); err != nil {
		return nil, fmt.Errorf("read the schema of SiteInventory: %w", err)
	}
	defs := map[string]any{}
	for _, name := range []string{"id", "duration", "permission", "hosting", "workload", "objectives"} {
		def, ok := of.Defs[name]
		if !ok {
			return nil, fmt.Errorf("the schema of SiteInventory does not define %s", name)
		}
		defs[name] = def
	}
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	ref := func(name, description string) map[string]any {
		return map[string]any{"$ref": "#/$defs/" + name, "description": description}
	}
	object := func(description string, properties map[string]any) map[string]any {
		return map[string]any{"type": "object", "description": description, "additionalProperties": false, "properties": properties}
	}
	words := func(description string, values ...any) map[string]any {
		return map[string]any{"type": "string", "description": description, "enum": values}
	}
	sharing := map[string]any{}
	for _, p := range permissions(&inventory.Sharing{}) {
		sharing[p.key] = map[string]any{"$ref": "#/$defs/permission"}
	}
	country := text("Country by ISO 3166-1 alpha-2, like DE.")
	country["pattern"] = "^[A-Za-z]{2}$"
	defs["site"] = object("Where the cluster is for.", map[string]any{
		"id": ref("id", "Id of the site; site when absent."), "name": text("The site's name for people."), "country": country,
		"tags": map[string]any{"type": "object", "description": "Words that policies match.", "additionalProperties": map[string]any{"type": "string"}},
	})
	defs["constraints"] = object("What is decided already; what is absent is the planner's choice.", map[string]any{
		"environment":      words("What the cluster is used for; production when absent.", inventory.Development, inventory.Test, inventory.Production),
		"thingworxVersion": text("ThingWorx version, as text."),
		"hosting":          map[string]any{"type": "array", "description": "Hostings accepted.", "items": map[string]any{"$ref": "#/$defs/hosting"}},
		"provider":         words("Where it runs.", inventory.HostingAzure, inventory.HostingAWS, inventory.HostingGCP, inventory.HostingOnPremise),
		"region":           text("Region of the provider by code or display name; on the premises the name of the data centre."),
		"database":         words("Product of the model database.", inventory.EnginePostgreSQL, inventory.EngineAzurePostgreSQLFlexible, inventory.EngineSQLServer, inventory.EngineAzureSQL, inventory.EngineH2),
		"operatedBy":       words("Who runs the cluster.", inventory.OperatorSelf, inventory.OperatorPTCCloudServices, inventory.OperatorPTCProfessionalServices, inventory.OperatorPartner),
		"sharing":          object("Which infrastructure may be shared.", sharing),
	})
	schema := object("What a new cluster has to carry, what is asked of it, and what is decided already.", map[string]any{
		"apiVersion": map[string]any{"const": inventory.APIVersion}, "kind": map[string]any{"const": Kind},
		"name": text("Name of the cluster for people."), "site": ref("site", "Where the cluster is for."), "cluster": ref("id", "Id of the cluster; prod when absent."),
		"workload": ref("workload", "The demand, in the terms of PTC's sizing formulas."), "objectives": ref("objectives", "What the owner asks."),
		"constraints": ref("constraints", "What is decided already."),
	})
	schema["$schema"], schema["$id"], schema["title"] = of.Schema, "urn:meridian:v1:plan-request", Kind
	schema["required"] = []string{"apiVersion", "kind"}
	schema["anyOf"] = []any{map[string]any{"required": []string{"workload"}}, map[string]any{"required": []string{"objectives"}}}
	schema["$defs"] = defs
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of PlanRequest: %w", err)
	}
	return append(out, '\n'), nil
}
