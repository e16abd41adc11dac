package group

import "github.com/millrace-io/millrace/internal/base"

func (e *MemberPut) apply(g *Group, tok *token) error        { return nil }
func (e *MemberReplaced) apply(g *Group, tok *token) error   { return nil }
func (e *MembersRemoved) apply(g *Group, tok *token) error   { return nil }
func (e *RoundBegun) apply(g *Group, tok *token) error       { return nil }
func (e *RoundExtended) apply(g *Group, tok *token) error    { return nil }
func (e *RoundCompleted) apply(g *Group, tok *token) error   { return nil }
func (e *MemberSynced) apply(g *Group, tok *token) error     { return nil }
func (e *Assigned) apply(g *Group, tok *token) error         { return nil }
func (e *Adopted) apply(g *Group, tok *token) error          { return nil }
func (e *OffsetsCommitted) apply(g *Group, tok *token) error { return nil }
func (e *OffsetsRemoved) apply(g *Group, tok *token) error   { return nil }
func (e *GroupDeleted) apply(g *Group, tok *token) error     { return nil }
func (c *Join) decide(d *decider)                            {}
func (c *Sync) decide(d *decider)                            {}
func (c *Leave) decide(d *decider)                           {}
func (c *Tick) decide(d *decider)                            {}
func (c *ExpireMember) decide(d *decider)                    {}
func (c *Adopt) decide(d *decider)                           {}
func (c *OffsetCommit) decide(d *decider)                    {}
func (c *OffsetDelete) decide(d *decider)                    {}
func (c *DeleteGroup) decide(d *decider)                     {}
func (c *ForgetTopic) decide(d *decider)                     {}
func (c *ExpireOffsets) decide(d *decider)                   {}

func newGroup(name string, tok *token) *Group        { return nil }
func (g *Group) editable(tok *token) *Group          { return nil }
func (g *Group) places(base.TopicID) []OffsetPlace   { return nil }
func (g *Group) removeOffsets([]OffsetPlace, *token) {}
