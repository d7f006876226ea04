package outbox

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meridian-federation/meridian/planner/atomicfile"
)

// The files of an outbox. A record is <sequence>.queued, or <sequence>.acked.<stream sequence>.<Unix seconds> once the hub
// has it; what cannot be read is renamed to end in .damaged; files that begin with a dot were being written at a crash.
const (
	headFile      = "outbox.json"
	queuedSuffix  = ".queued"
	ackedSuffix   = ".acked"
	damagedSuffix = ".damaged"
	partPrefix    = "."

	keepDamaged = 8 // how many damaged files stay for whoever wants to look
)

// head is what an outbox knows beside its entries. It is written when an outbox is made, once for every block of
// sequences, and when an entry is dropped.
type head struct {
	Instance       string `json:"instance"`
	Reserved       uint64 `json:"reserved"` // no sequence above this was ever used
	Dropped        uint64 `json:"dropped"`
	DroppedThrough uint64 `json:"droppedThrough"` // sequence of the entry counted last

	next uint64
}

// reserveBlock is how many sequences are reserved at a time: it bounds what is skipped if every record is lost.
const reserveBlock = 64

// Layout of a record: magic, CRC-32C of all that follows the checksum, length of the metadata, length of the body (all
// big endian), metadata as JSON, body.
const (
	magic        = "MRO1"
	recordHeader = len(magic) + 4 + 4 + 4
	maxMeta      = 4 << 10
)

var errDamaged = errors.New("the record is damaged")

type meta struct {
	Sequence uint64    `json:"sequence"`
	Revision string    `json:"revision"`
	QueuedAt time.Time `json:"queuedAt"`
}

func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// encodeRecord returns everything of a record that goes before the body.
func encodeRecord(e Entry, body []byte) ([]byte, error) {
	m, err := json.Marshal(meta{e.Sequence, e.Revision, e.QueuedAt})
	if err != nil {
		return nil, err
	}
	if len(m) > maxMeta {
		return nil, fmt.Errorf("the name of the revision has %d bytes", len(e.Revision))
	}
	out := make([]byte, recordHeader, recordHeader+len(m))
	copy(out, magic)
	binary.BigEndian.PutUint32(out[8:], uint32(len(m)))
	binary.BigEndian.PutUint32(out[12:], uint32(len(body))) //nolint:gosec // bounded by MaxBytes and by what one message may hold
	out = append(out, m...)
	crc := crc32.Update(crc32.Checksum(out[8:], crcTable()), crcTable(), body)
	binary.BigEndian.PutUint32(out[4:], crc)
	return out, nil
}

// decodeRecord reads a whole file. The error is errDamaged.
func decodeRecord(b []byte) (Entry, error) {
	if len(b) < recordHeader || string(b[:len(magic)]) != magic {
		return Entry{}, fmt.Errorf("%w: no record", errDamaged)
	}
	metaLen, bodyLen := uint64(binary.BigEndian.Uint32(b[8:])), uint64(binary.BigEndian.Uint32(b[12:]))
	if metaLen > maxMeta || uint64(len(b)) != uint64(recordHeader)+metaLen+bodyLen {
		return Entry{}, fmt.Errorf("%w: %d bytes, its head says %d and %d", errDamaged, len(b), metaLen, bodyLen)
	}
	if crc32.Checksum(b[8:], crcTable()) != binary.BigEndian.Uint32(b[4:]) {
		return Entry{}, fmt.Errorf("%w: checksum", errDamaged)
	}
	var m meta
	if err := json.Unmarshal(b[recordHeader:uint64(recordHeader)+metaLen], &m); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return Entry{Sequence: m.Sequence, Revision: m.Revision, QueuedAt: m.QueuedAt, Body: b[uint64(recordHeader)+metaLen:], size: int64(len(b))}, nil
}

func (b *Box) path(e Entry) string {
	name := fmt.Sprintf("%020d", e.Sequence)
	if e.Acknowledged {
		name += ackedSuffix + "." + strconv.FormatUint(e.StreamSequence, 10) + "." + strconv.FormatInt(e.AcknowledgedAt.Unix(), 10)
	} else {
		name += queuedSuffix
	}
	return filepath.Join(b.o.Dir, name)
}

// parseName is the reverse of path. ok is false for names that are no record's.
func parseName(name string) (e Entry, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || len(parts[0]) != 20 {
		return Entry{}, false
	}
	var err error
	if e.Sequence, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return Entry{}, false
	}
	switch {
	case len(parts) == 2 && "."+parts[1] == queuedSuffix:
		return e, true
	case len(parts) == 4 && "."+parts[1] == ackedSuffix:
		seconds, err := strconv.ParseInt(parts[3], 10, 64)
		if err != nil {
			return Entry{}, false
		}
		if e.StreamSequence, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
			return Entry{}, false
		}
		e.Acknowledged, e.AcknowledgedAt = true, time.Unix(seconds, 0).UTC()
		return e, true
	}
	return Entry{}, false
}

func (b *Box) read(e Entry) (Entry, error) {
	data, err := os.ReadFile(b.path(e))
	if errors.Is(err, os.ErrNotExist) {
		return Entry{}, fmt.Errorf("%w: the file is gone", errDamaged)
	}
	if err != nil {
		return Entry{}, err
	}
	read, err := decodeRecord(data)
	if err != nil {
		return Entry{}, err
	}
	if read.Sequence != e.Sequence {
		return Entry{}, fmt.Errorf("%w: the file holds sequence %d", errDamaged, read.Sequence)
	}
	read.Acknowledged, read.AcknowledgedAt, read.StreamSequence = e.Acknowledged, e.AcknowledgedAt, e.StreamSequence
	return read, nil
}

func (b *Box) load() error {
	known, err := b.loadHead()
	if err != nil {
		return err
	}
	files, err := os.ReadDir(b.o.Dir)
	if err != nil {
		return err
	}
	highest := uint64(0)
	var damaged []string
	for _, f := range files {
		name := f.Name()
		if strings.HasPrefix(name, partPrefix) {
			if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil {
				return err
			}
			continue
		}
		if strings.HasSuffix(name, damagedSuffix) {
			damaged = append(damaged, name)
			continue
		}
		e, ok := parseName(name)
		if !ok {
			continue
		}
		highest = max(highest, e.Sequence)
		if !e.Acknowledged && e.Sequence <= b.head.DroppedThrough {
			if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil {
				return err
			}
			continue
		}
		read, err := b.read(e)
		if errors.Is(err, errDamaged) {
			if err := b.setAside(name); err != nil {
				return err
			}
			damaged = append(damaged, name+damagedSuffix)
			continue
		}
		if err != nil {
			return err
		}
		read.Body = nil
		b.entries = append(b.entries, read)
		b.bytes += read.size
	}
	slices.SortFunc(b.entries, func(x, y Entry) int {
		if x.Sequence < y.Sequence {
			return -1
		}
		return 1
	})
	for _, name := range damaged[:max(0, len(damaged)-keepDamaged)] {
		if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil {
			return err
		}
	}
	// Without any record the reserved block is the only witness of what was used.
	if highest > 0 && b.damaged == 0 {
		b.head.next = highest + 1
	} else {
		b.head.next = max(highest, b.head.Reserved) + 1
	}
	if !known {
		return b.writeHead(b.head)
	}
	return nil
}

// loadHead reads the head, or makes a new one with a new instance. known is false when it must be written.
func (b *Box) loadHead() (known bool, err error) {
	data, err := os.ReadFile(filepath.Join(b.o.Dir, headFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if err == nil && json.Unmarshal(data, &b.head) == nil && b.head.Instance != "" {
		return true, nil
	}
	if err == nil {
		b.damaged++
	}
	b.head = head{}
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return false, err
	}
	b.head.Instance = hex.EncodeToString(id)
	return false, nil
}

// reserve makes sure that the next sequence lies within what is reserved on the disk.
func (b *Box) reserve() error {
	if b.head.next <= b.head.Reserved {
		return nil
	}
	h := b.head
	h.Reserved = b.head.next + reserveBlock
	return b.writeHead(h)
}

func (b *Box) writeHead(h head) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := b.write(filepath.Join(b.o.Dir, headFile), append(data, '\n')); err != nil {
		return err
	}
	h.next = b.head.next
	b.head = h
	return nil
}

func (b *Box) setAside(name string) error {
	b.damaged++
	path := filepath.Join(b.o.Dir, name)
	if err := os.Rename(path, path+damagedSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeWhole puts a file in place of another, or neither is changed; it is there after a crash once this returns nil.
func writeWhole(path string, parts ...[]byte) error {
	return diskFull(atomicfile.Write(path, parts...))
}

// windowsDiskFull is ERROR_DISK_FULL.
const windowsDiskFull = syscall.Errno(112)

func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull) {
		return fmt.Errorf("%w: make room, or lower the outbox's limits: %w", ErrDiskFull, err)
	}
	return err
}
