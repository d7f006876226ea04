package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

type webhooksCommand struct {
	List        webhooksListCommand     `cmd:"" default:"withargs" help:"List the webhooks."`
	Add         webhookAddCommand       `cmd:"" help:"Send notifications to a URL; prints the secret that signs them."`
	Set         webhookSetCommand       `cmd:"" help:"Change a webhook; what is not given stays as it is."`
	Remove      webhookRemoveCommand    `cmd:"" help:"Remove a webhook with its queue and its dead letters."`
	Test        webhookTestCommand      `cmd:"" help:"Send a test at once and tell what the receiver answered."`
	Deliveries  webhookLogCommand       `cmd:"" help:"Show the last deliveries of a webhook and how many wait."`
	DeadLetters webhookDeadCommand      `cmd:"" name:"dead-letters" help:"List deliveries that were given up."`
	Redeliver   webhookRedeliverCommand `cmd:"" help:"Put dead letters back in the queue."`
}

type webhookRef struct {
	ID string `arg:"" name:"webhook" help:"Id of the webhook."`
}

// webhookFlags are what a webhook does.
type webhookFlags struct {
	URL        string            `name:"url" help:"Where messages go, http or https." placeholder:"URL"`
	Events     []string          `help:"Kinds of event, e.g. finding.opened,finding.closed,site.lost." placeholder:"KIND"`
	Filter     string            `help:"Which of them, in the filter language, e.g. 'severity>=high and region=westeurope'." placeholder:"CONDITION"`
	Template   string            `help:"Form of a message: cloudevents, cloudevents-binary, teams or slack." placeholder:"NAME"`
	Every      time.Duration     `help:"Send a digest this often instead of each event at once." placeholder:"DURATION" xor:"when"`
	DailyAt    string            `help:"Send a digest daily at this time, as 07:30." placeholder:"HH:MM" xor:"when"`
	TimeZone   string            `help:"Time zone of --daily-at; UTC when absent." placeholder:"ZONE"`
	Header     map[string]string `help:"Header to send with each message." placeholder:"NAME=VALUE"`
	SecretFile string            `help:"Name of a file in the server's folder of secrets, instead of a generated secret." placeholder:"NAME"`
}

func (f *webhookFlags) apply(r *gen.WebhookRequest) {
	if f.URL != "" {
		r.Url = f.URL
	}
	if len(f.Events) > 0 {
		r.Events = nil
		for _, k := range f.Events {
			r.Events = append(r.Events, gen.WebhookEvent(k))
		}
	}
	if f.Filter != "" {
		r.Filter = f.Filter
	}
	if f.Template != "" {
		r.Template = gen.WebhookTemplate(f.Template)
	}
	switch {
	case f.Every != 0:
		r.Digest = gen.WebhookDigest{Every: f.Every.String()}
	case f.DailyAt != "":
		r.Digest = gen.WebhookDigest{DailyAt: f.DailyAt, TimeZone: f.TimeZone}
	}
	if f.Header != nil {
		r.Headers = f.Header
	}
	if f.SecretFile != "" {
		r.SecretFile = f.SecretFile
	}
}

func webhookColumns() []output.Column {
	return []output.Column{
		{Name: "webhook"},
		{Name: "name"},
		{Name: "host"},
		{Name: "state"},
		{Name: "sends"},
		{Name: "filter"},
		{Name: "template", Wide: true},
		{Name: "events", Wide: true},
		{Name: "headers", Wide: true},
		{Name: "created by", Wide: true},
		{Name: "created", Wide: true},
	}
}

func webhookRow(w *gen.Webhook) []string {
	state, sends := "enabled", "at once"
	switch {
	case w.Broken != "":
		state = w.Broken
	case !w.Disabled.At.IsZero():
		state = "disabled: " + w.Disabled.Reason
	}
	switch {
	case w.Digest.Every != "":
		sends = "every " + w.Digest.Every
	case w.Digest.DailyAt != "":
		sends = strings.TrimSpace("daily at " + w.Digest.DailyAt + " " + w.Digest.TimeZone)
	}
	return []string{
		w.Id, w.Name, w.Host, state, sends, w.Filter, string(w.Template), strings.Trim(fmt.Sprint(w.Events), "[]"), strings.Join(w.Headers, " "), w.CreatedBy, w.CreatedAt.UTC().Format(time.RFC3339),
	}
}

type webhooksListCommand struct{ listFlags }

// Run lists webhooks.
func (c *webhooksListCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	if c.Worst {
		return errors.New("webhooks have no severity; leave out --worst")
	}
	return printList(ctx, e, api, c.Output, api.Webhooks(c.Query()), "webhook", webhookColumns(), webhookRow)
}

type webhookAddCommand struct {
	Name string `arg:"" help:"Name for people."`
	webhookFlags
	oneFlags
}

// Run makes a webhook. Its secret is printed alone on stdout, so that it can go straight into a file; the rest is talk.
func (c *webhookAddCommand) Run(ctx context.Context, e *Environment) error {
	if c.URL == "" || len(c.Events) == 0 {
		return errors.New("a webhook needs --url and --events")
	}
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	r := gen.WebhookRequest{Name: c.Name}
	c.apply(&r)
	made, err := api.CreateWebhook(ctx, r)
	if err != nil {
		return api.Explain(err)
	}
	return printSecret(e, c.Output, made)
}

func printSecret(e *Environment, f output.Format, w *gen.WebhookSecret) error {
	if !f.ForPeople() {
		return (&output.Sheet{Value: w}).Write(e.Stdout, f)
	}
	if w.Secret == "" {
		return (&output.Sheet{Columns: webhookColumns(), Rows: [][]string{webhookRow(&w.Webhook)}, Value: w}).Write(e.Stdout, f)
	}
	if _, err := fmt.Fprintln(e.Stdout, w.Secret); err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	fmt.Fprintf(e.Stderr, "Webhook %s to %s. The secret above is shown this once; the receiver checks signatures with it.\nTry it: meridian webhooks test %s\n", w.Webhook.Id, w.Webhook.Host, w.Webhook.Id)
	return nil
}

type webhookSetCommand struct {
	webhookRef
	Name         string `help:"Name for people." placeholder:"TEXT"`
	AtOnce       bool   `help:"Send each event at once and no digest." xor:"when"`
	Everything   bool   `help:"Take the filter away."`
	Enable       bool   `help:"Send again." xor:"state"`
	Disable      bool   `help:"Send nothing; what is in the queue waits." xor:"state"`
	RotateSecret bool   `help:"Make a new secret and print it."`
	webhookFlags
	oneFlags
}

// Run reads the webhook, changes what is given and writes it back, unless somebody else was faster.
func (c *webhookSetCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	w, etag, err := api.Webhook(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	r := gen.WebhookRequest{
		Name: w.Name, Events: w.Events, Filter: w.Filter, Digest: w.Digest, Template: w.Template, SecretFile: w.SecretFile,
		Disabled: c.Disable || !w.Disabled.At.IsZero() && !c.Enable, RotateSecret: c.RotateSecret,
	}
	if c.Name != "" {
		r.Name = c.Name
	}
	if c.AtOnce {
		r.Digest = gen.WebhookDigest{}
	}
	if c.Everything {
		r.Filter = ""
	}
	if c.RotateSecret {
		r.SecretFile = ""
	}
	c.apply(&r)
	changed, err := api.UpdateWebhook(ctx, c.ID, etag, r)
	if err != nil {
		return api.Explain(err)
	}
	return printSecret(e, c.Output, changed)
}

type webhookRemoveCommand struct {
	webhookRef
	Flags
}

// Run removes a webhook.
func (c *webhookRemoveCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	_, etag, err := api.Webhook(ctx, c.ID)
	if err == nil {
		err = api.DeleteWebhook(ctx, c.ID, etag)
	}
	if err != nil {
		return api.Explain(err)
	}
	fmt.Fprintf(e.Stderr, "Webhook %s is removed.\n", c.ID)
	return nil
}

func attemptColumns() []output.Column {
	return []output.Column{{Name: "delivery"}, {Name: "site"}, {Name: "attempt"}, {Name: "at"}, {Name: "took"}, {Name: "status"}, {Name: "error"}, {Name: "next"}}
}

func attemptRow(a *gen.WebhookAttempt) []string {
	status, next := "", ""
	if a.Status != 0 {
		status = strconv.Itoa(a.Status)
	}
	if !a.Next.IsZero() {
		next = a.Next.UTC().Format(time.RFC3339)
	}
	return []string{a.Delivery, a.Site, strconv.Itoa(a.Number), a.At.UTC().Format(time.RFC3339), a.Took, status, a.Error, next}
}

type webhookTestCommand struct {
	webhookRef
	oneFlags
}

// Run sends a test. That the receiver refused it is an error.
func (c *webhookTestCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	a, err := api.TestWebhook(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	if err := (&output.Sheet{Columns: attemptColumns(), Rows: [][]string{attemptRow(a)}, Value: a}).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if a.Error != "" {
		return errors.New("the test was not delivered: " + a.Error)
	}
	return nil
}

type webhookLogCommand struct {
	webhookRef
	oneFlags
}

// Run shows how deliveries go.
func (c *webhookLogCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	d, err := api.WebhookDeliveries(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	s := output.Sheet{Columns: attemptColumns(), Value: d, Empty: "No deliveries."}
	for i := range d.Attempts {
		s.Rows = append(s.Rows, attemptRow(&d.Attempts[i]))
	}
	if err := s.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	fmt.Fprintf(e.Stderr, "%d delivered, %d attempts failed, %d wait.\n", d.Delivered, d.Failed, d.Waiting)
	if d.Dropped > 0 {
		fmt.Fprintf(e.Stderr, "%d dead letters were dropped, the oldest first, last at %s.\n", d.Dropped, d.DroppedAt.Format(time.RFC3339))
	}
	return nil
}

type webhookDeadCommand struct {
	webhookRef
	listFlags
}

// Run lists dead letters.
func (c *webhookDeadCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	return printList(ctx, e, api, c.Output, api.DeadLetters(c.ID, c.Query()), "dead letter", attemptColumns(), func(d *gen.DeadLetter) []string { return attemptRow(&d.Last) })
}

type webhookRedeliverCommand struct {
	webhookRef
	Deliveries []string `arg:"" optional:"" help:"Ids of dead letters; all when absent."`
	Flags
}

// Run puts dead letters back.
func (c *webhookRedeliverCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	n, err := api.Redeliver(ctx, c.ID, c.Deliveries)
	if err != nil {
		return api.Explain(err)
	}
	fmt.Fprintf(e.Stderr, "%d dead letters are back in the queue.\n", n.Redelivered)
	return nil
}
