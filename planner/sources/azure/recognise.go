package azure

import (
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

const exportRemedy = "export with az … list -o json or az graph query, with id, name, type, location and properties"

// recognise reads a document of any shape. The more specific envelopes come first, because an API example holds a list
// and a Resource Graph answer holds resources.
func (r *reader) recognise(v *tree.Value, ptr string) {
	switch v.Kind() {
	case tree.Array:
		r.kind("az list output")
		r.rows(v, ptr)
		return
	case tree.Object:
	default:
		r.refuse("a JSON value", r.tree.At(v, ptr, "the document is "+v.Kind().String()+", not an export", exportRemedy))
		return
	}
	switch {
	case v.Get("parameters").Kind() == tree.Object && v.Get("responses").Kind() == tree.Object:
		r.example(v, ptr)
	case v.Get("error").Kind() == tree.Object && v.Get("error").Has("code"):
		r.failure(v.Get("error"), ptr+"/error")
	case graphBody(v) != nil:
		r.graph(v, ptr)
	case v.Get("value").Kind() == tree.Array:
		r.kind("list envelope")
		r.rows(v.Get("value"), ptr+"/value")
		r.paging(v, ptr)
	case v.Has("terraform_version"), v.Has("terraform_version", "resources"):
		r.refuse("Terraform state or plan", r.tree.At(v, ptr, "a Terraform document", "import it with --from terraform"))
	case strings.Contains(strings.ToLower(v.Get("$schema").Text()), "deploymentparameters"):
		r.refuse("ARM template parameters", r.tree.At(v, ptr, "parameters of a template, no resources", "export the deployed resources with az resource list -o json"))
	case v.Has("contentVersion", "resources"):
		r.template(v, ptr)
	default:
		r.kind("")
		if !r.resource(v, ptr) {
			r.refuse("unknown JSON", r.tree.At(v, ptr, "none of the known shapes; it has the keys "+v.KeyNames(12), exportRemedy))
		}
	}
}

// kind names what the file was recognised as; an envelope inside another adds to it.
func (r *reader) kind(name string) {
	switch {
	case name == "" || r.report.Status == importer.Refused:
	case r.report.Kind == "":
		r.report.Kind = name
	default:
		r.report.Kind += ", " + name
	}
}

// rows reads a list of resources.
func (r *reader) rows(v *tree.Value, ptr string) {
	for i := range v.Members() {
		if v.Item(i).Kind() != tree.Object && r.report.Full() {
			r.unknown(v.Item(i), "", "")
			continue
		}
		r.row(v.Item(i), ptr+"/"+strconv.Itoa(i))
	}
}

func (r *reader) row(v *tree.Value, ptr string) {
	switch {
	case v.Kind() == tree.Object && r.resource(v, ptr):
	case r.report.Full():
		r.unknown(v, ptr, "")
	case v.Kind() != tree.Object:
		r.unknown(v, ptr, "a row is "+v.Kind().String()+", not a resource")
	default:
		r.unknown(v, ptr, "a row is no resource; it has the keys "+v.KeyNames(12))
	}
}

// unknown counts a row that could not be read.
func (r *reader) unknown(v *tree.Value, ptr, what string) {
	r.problem(v, ptr, what, exportRemedy)
	r.report.Count("unknown", importer.ClassUnknown)
}

// paging reports a list of which only a page was saved.
func (r *reader) paging(v *tree.Value, ptr string) {
	for _, key := range []string{"nextLink", "@odata.nextLink"} {
		if link := v.Get(key); !link.Blank() {
			r.problem(link, ptr+"/"+key, "the list goes on on another page that is not in the file", "export with the az command line, which follows the pages")
			return
		}
	}
}

// example reads an example of the REST API: the body of the answer, else the request.
func (r *reader) example(v *tree.Value, ptr string) {
	r.kind("API example")
	params, responses := v.Get("parameters"), v.Get("responses")
	for _, name := range []string{"parameters", "body"} {
		if b := params.Get(name); b.Kind() == tree.Object && b.Len() > 0 {
			r.request = b
		}
	}
	for i, m := range responses.Members() {
		if body := responses.Item(i).Get("body"); m.Key == "200" && body.Kind() != tree.Missing {
			r.recognise(body, ptr+"/responses/200/body")
			return
		}
	}
	for i, m := range responses.Members() {
		if body := responses.Item(i).Get("body"); strings.HasPrefix(m.Key, "2") && body.Kind() != tree.Missing {
			r.recognise(body, ptr+"/responses/"+m.Key+"/body")
			return
		}
	}
	r.asking(v, ptr)
}

// asking reads a request without an answer: what was asked for, not what exists.
func (r *reader) asking(v *tree.Value, ptr string) {
	params := v.Get("parameters")
	if r.request == nil {
		r.refuse("API example", r.tree.At(v, ptr, "neither an answer nor the body of a request", exportRemedy))
		return
	}
	kind := requestType(v, r.request)
	if kind == "" {
		r.refuse("API example, request", r.tree.At(r.request, ptr+"/parameters/parameters", "a request without an answer, and nothing in it tells the type of the resource", exportRemedy))
		return
	}
	r.kind("request without an answer")
	r.asked = true
	body := r.request
	r.request = nil
	at := ptr + "/parameters/parameters"
	r.problem(body, at, "a request: its values were asked for and not observed", "export the server after it was made")
	rec := record{r: r, v: body, ptr: at, kind: kind}
	rec.name = params.Get("serverName").Text()
	rec.group = params.Get("resourceGroupName").Text()
	sub := params.Get("subscriptionId").Text()
	if id, ok := ParseID("/subscriptions/" + sub + "/resourceGroups/" + rec.group + "/providers/" + kind + "/" + rec.name); ok && rec.name != "" && rec.group != "" {
		rec.id = id
	}
	rec.read()
}

// requestType tells the type of a requested server from the provider named in the answer's headers.
func requestType(v, body *tree.Value) string {
	for i := range v.Get("responses").Members() {
		headers := v.Get("responses").Item(i).Get("headers")
		for j := range headers.Members() {
			_, rest, ok := strings.Cut(strings.ToLower(headers.Item(j).Text()), "/providers/")
			if !ok {
				continue
			}
			if name, _, _ := strings.Cut(rest, "/"); name == "microsoft.dbforpostgresql" {
				if strings.HasPrefix(strings.ToLower(body.Get("sku", "name").Text()), "standard_") || body.Get("properties", "highAvailability") != nil {
					return typeFlexible
				}
				return typeSingle
			}
		}
	}
	return ""
}

// failure refuses an error answer, by its code and without its text, which may quote the request.
func (r *reader) failure(v *tree.Value, ptr string) {
	what := "an error answer of Azure, code " + importer.Quote(v.Get("code").Text())
	details := v.Get("details")
	for i := range details.Members() {
		if code := details.Item(i).Get("code"); !code.Blank() {
			what += ", " + importer.Quote(code.Text())
		}
		if i == 3 {
			break
		}
	}
	r.refuse("error answer", r.tree.At(v, ptr, what+"; it holds no resources", "correct the query or the permission and export again"))
}

// graphBody returns the rows of a Resource Graph answer: a list of objects, or a table of columns and rows.
func graphBody(v *tree.Value) *tree.Value {
	if snapshots := v.Get("snapshots"); tableShape(snapshots) {
		return snapshots
	}
	data := v.Get("data")
	if data.Kind() == tree.Array || tableShape(data) {
		for _, key := range []string{"count", "totalRecords", "total_records", "resultTruncated", "skip_token", "$skipToken"} {
			if v.Get(key) != nil {
				return data
			}
		}
	}
	return nil
}

func tableShape(v *tree.Value) bool {
	return v.Get("columns").Kind() == tree.Array && v.Get("rows").Kind() == tree.Array
}

func (r *reader) graph(v *tree.Value, ptr string) {
	name := "data"
	body := graphBody(v)
	if v.Get("snapshots") == body {
		name = "snapshots"
	}
	if body.Kind() == tree.Array {
		r.kind("Resource Graph answer, objects")
		for i := range body.Members() {
			r.graphRow(body.Item(i), ptr+"/"+name+"/"+strconv.Itoa(i))
		}
	} else {
		r.kind("Resource Graph answer, table")
		r.graphTable(body, ptr+"/"+name)
	}
	r.graphPaging(v, ptr)
}

func (r *reader) graphPaging(v *tree.Value, ptr string) {
	for _, key := range []string{"$skipToken", "skip_token", "skipToken"} {
		token := v.Get(key)
		if token.Blank() {
			continue
		}
		what := "only one page of the answer is in the file"
		total, ok := v.Get("totalRecords").Float()
		if !ok {
			total, ok = v.Get("total_records").Float()
		}
		if count, counted := v.Get("count").Float(); ok && counted {
			what = "only " + strconv.Itoa(int(count)) + " of " + strconv.Itoa(int(total)) + " rows are in the file"
		}
		r.problem(token, ptr+"/"+key, what, "export all pages: az graph query --skip-token, or --first 1000")
		return
	}
	if t := v.Get("resultTruncated"); t != nil {
		if truncated, ok := t.Bool(); ok && truncated {
			r.problem(t, ptr+"/resultTruncated", "Azure cut the answer short", "ask for fewer columns or rows")
		}
	}
}

// graphRow reads a row; one without identity is a count or another computed row, which carries no resource.
func (r *reader) graphRow(v *tree.Value, ptr string) {
	switch {
	case v.Kind() == tree.Object && v.Get("id").Blank() && v.Get("type").Blank():
		r.report.Count("computed row of a query", importer.ClassNotRelevant)
	default:
		r.row(v, ptr)
	}
}

// graphTable reads columns and rows as objects.
func (r *reader) graphTable(v *tree.Value, ptr string) {
	columns, rows := v.Get("columns"), v.Get("rows")
	names := make([]string, columns.Len())
	for i := range columns.Members() {
		names[i] = columns.Item(i).Get("name").Text()
	}
	for i := range rows.Members() {
		row, at := rows.Item(i), ptr+"/rows/"+strconv.Itoa(i)
		if row.Kind() != tree.Array || row.Len() != len(names) {
			r.unknown(row, at, "a row does not have the "+strconv.Itoa(len(names))+" cells of the columns")
			continue
		}
		r.graphRow(tree.ObjectOf(names, row), at)
	}
}
