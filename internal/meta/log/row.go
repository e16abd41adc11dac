package log

import "slices"

// rowPart is how many producers a part of a row has at most: what an append copies is 8 × 112 B, and the list of parts. Those that are idle,
// the older ones of most partitions, are shared by all versions. Parts that have become short are not joined.
const rowPart = 8

// row is a few producers by id, in parts, as a persistent value. The first part has a place of its own, so that one producer takes no
// structure; only if the row is empty it is.
type row struct {
	first []Producer
	rest  [][]Producer
}

// rowOf makes a row of producers by id.
func rowOf(ps []Producer) (r row) {
	if len(ps) == 0 {
		return r
	}
	for part := range slices.Chunk(ps, rowPart) {
		r.rest = append(r.rest, slices.Clone(part))
	}
	r.first, r.rest = r.rest[0], slices.Clone(r.rest[1:])
	return r
}

func (r *row) len() int {
	n := len(r.first)
	for _, part := range r.rest {
		n += len(part)
	}
	return n
}

func (r *row) part(i int) []Producer {
	if i == 0 {
		return r.first
	}
	return r.rest[i-1]
}

// place gives the part that id belongs in: the last that begins with no higher one, or the first.
func (r *row) place(id int64) int {
	i := len(r.rest)
	for i > 0 && r.rest[i-1][0].ID > id {
		i--
	}
	return i
}

func (r *row) each(yield func(*Producer) bool) {
	for i := 0; i <= len(r.rest); i++ {
		if !eachProducer(r.part(i), yield) {
			return
		}
	}
}

// flat gives all producers in one array.
func (r *row) flat() []Producer {
	if len(r.rest) == 0 {
		return r.first
	}
	return slices.Concat(append([][]Producer{r.first}, r.rest...)...)
}

// put adds p, or replaces the one with its id.
func (r *row) put(p Producer) {
	i := r.place(p.ID)
	part := r.part(i)
	switch {
	case len(part) < rowPart || r.holds(part, p.ID):
		r.set(i, withProducer(part, p))
	case part[rowPart-1].ID < p.ID: // ids are given in order: most that are new come behind all others
		r.set(i, part, []Producer{p})
	default:
		list := withProducer(part, p)
		r.set(i, slices.Clone(list[:rowPart/2]), slices.Clone(list[rowPart/2:]))
	}
}

func (r *row) holds(part []Producer, id int64) bool {
	_, found := searchProducer(part, id)
	return found
}

// set puts parts in the place of part i; not none where there is no other.
func (r *row) set(i int, parts ...[]Producer) {
	switch {
	case i == 0 && len(parts) == 1:
		r.first = parts[0]
	case len(parts) == 1:
		r.rest = slices.Clone(r.rest)
		r.rest[i-1] = parts[0]
	default:
		all := slices.Replace(slices.Concat([][]Producer{r.first}, r.rest), i, i+1, parts...)
		r.first, r.rest = all[0], slices.Clone(all[1:])
	}
}

// remove drops the producer of that id, and reports whether it was there.
func (r *row) remove(id int64) bool {
	i := r.place(id)
	part := r.part(i)
	at, found := searchProducer(part, id)
	switch {
	case !found:
		return false
	case len(part) > 1:
		r.set(i, slices.Concat(part[:at], part[at+1:]))
	case len(r.rest) > 0:
		r.set(i)
	default:
		*r = row{}
	}
	return true
}
