package config

import "slices"

// Described is one entry of a DescribeConfigs answer.
type Described struct {
	Name string
	// Value is nil for null and for sensitive settings.
	Value     *string
	Source    Source
	ReadOnly  bool
	Sensitive bool
	Type      Type
	Synonyms  []Synonym
	// Doc is nil unless asked for.
	Doc *string
}

// Synonym is one layer that has the setting under one of its names.
type Synonym struct {
	Name   string
	Value  *string
	Source Source
}

// Options of a DescribeConfigs request. Names picks settings; none, nil or empty, is all of them.
type Options struct {
	Names          []string
	Synonyms, Docs bool
}

// DescribeTopic answers for a topic with these settings of its own, by name.
func DescribeTopic(topic []KV, b Broker, o Options) []Described {
	var out []Described
	for _, d := range Topic.defs {
		if d.Internal || !o.wants(d.Name) {
			continue
		}
		layers := b.topicLayers(topic, d)
		out = append(out, o.entry(d, resolver{topic, b}.value(d.Name).text(), layers, false))
	}
	return out
}

// topicLayers lists who gives the setting a value, the one that counts first.
func (b Broker) topicLayers(topic []KV, d Def) []Synonym {
	var layers []Synonym
	if _, ok := find(topic, d.Name); ok {
		layers = append(layers, Synonym{d.Name, resolver{topic, b}.value(d.Name).text(), FromTopic})
	}
	if len(d.Synonyms) == 0 {
		return layers
	}
	return append(layers, b.layers(d.Synonyms[0], d.Synonyms)...)
}

// layers lists the values of a broker setting under all its names, layer by layer. Kafka starts the list at the first
// entry under the setting's own name and forgets the ones before; so do we.
func (b Broker) layers(name string, names []string) []Synonym {
	var all []Synonym
	add := func(get func(name string) (string, bool), from Source) {
		for _, name := range names {
			if text, ok := get(name); ok {
				all = append(all, Synonym{name, shownText(name, text), from})
			}
		}
	}
	add(func(name string) (string, bool) { return find(b.dynamic, name) }, FromDynamicDefault)
	add(func(name string) (string, bool) { text, ok := b.static[name]; return text, ok }, FromStatic)
	add(func(name string) (string, bool) {
		d, ok := BrokerTable.Lookup(name)
		return d.Default, ok && !d.NoDefault
	}, FromDefault)
	own := slices.IndexFunc(all, func(s Synonym) bool { return s.Name == name })
	if own < 0 {
		return nil
	}
	return all[own:]
}

func shownText(name, text string) *string {
	if d, _ := BrokerTable.Lookup(name); d.Sensitive() {
		return nil
	}
	return &text
}

// DescribeBroker answers for one agent: every broker setting, by name.
func DescribeBroker(b Broker, o Options) []Described {
	var out []Described
	for _, d := range BrokerTable.defs {
		if d.Internal || !o.wants(d.Name) {
			continue
		}
		var value *string
		if v, ok := b.value(d.Name); ok {
			value = v.text()
		}
		out = append(out, o.entry(d, value, b.layers(d.Name, d.names()), !d.Dynamic))
	}
	return out
}

// DescribeCluster answers for the broker resource without a name: only what was altered for the whole cluster.
func DescribeCluster(b Broker, o Options) []Described {
	var out []Described
	for _, kv := range b.dynamic {
		d, known := BrokerTable.Lookup(kv.Name)
		if !known || !o.wants(kv.Name) {
			continue
		}
		layers := slices.DeleteFunc(b.layers(d.Name, d.names()), func(s Synonym) bool { return s.Source != FromDynamicDefault })
		out = append(out, o.entry(d, shownText(kv.Name, kv.Value), layers, !d.Dynamic))
	}
	return out
}

// names gives a broker setting's synonyms, itself among them.
func (d Def) names() []string {
	if len(d.Synonyms) == 0 {
		return []string{d.Name}
	}
	return d.Synonyms
}

func (o Options) wants(name string) bool {
	return len(o.Names) == 0 || slices.Contains(o.Names, name)
}

func (o Options) entry(d Def, value *string, layers []Synonym, readOnly bool) Described {
	e := Described{Name: d.Name, Value: value, Source: FromDefault, ReadOnly: readOnly, Sensitive: d.Sensitive(), Type: d.Type}
	if e.Sensitive {
		e.Value = nil
	}
	if len(layers) > 0 {
		e.Source = layers[0].Source
	}
	if o.Synonyms {
		e.Synonyms = layers
	}
	if o.Docs {
		doc := d.documentation()
		e.Doc = &doc
	}
	return e
}

func (v Value) text() *string {
	s := v.String()
	return &s
}
