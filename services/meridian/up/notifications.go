package up

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// upNotifications say where webhooks may lead.
type upNotifications struct {
	WebhookAllow   []netip.Prefix `help:"Ranges of private, loopback or link-local addresses that webhooks may reach." placeholder:"CIDR"`
	WebhookSecrets string         `help:"Folder of secrets that webhooks may name instead of a generated one." placeholder:"DIR" type:"path"`
}

// notificationsKeyFile holds the key that seals what webhooks must not show.
const notificationsKeyFile = "notifications.key"

// notifier opens the notifications, with a key that is made at the first start.
func (u *up) notifier(ctx context.Context, h *hub.Hub, addr string) (*hub.Notifier, error) {
	path := filepath.Join(u.c.Data, notificationsKeyFile)
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key = make([]byte, notify.KeySize)
		if _, err = rand.Read(key); err == nil {
			err = atomicfile.Write(path, key)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keep the key of notifications: %w", err)
	}
	return hub.NewNotifier(ctx, h, hub.Notification{
		Key: key, Secrets: u.c.WebhookSecrets, Allow: u.c.WebhookAllow, Link: u.address(addr), Version: u.e.Version,
	})
}
