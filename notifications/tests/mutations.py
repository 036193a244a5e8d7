"""What must not be taken away: each of these changes breaks a promise, and the tests named with it go red.

`make mutations` makes them one by one, each in a copy of the tree, and says which of them nobody has noticed.
"""

from dataclasses import dataclass

HUB, SWEEPER = "notifications/live/hub.py", "notifications/live/sweeper.py"
OUTLET, FRAMES = "notifications/live/outlet.py", "notifications/live/frames.py"
INBOX, BROADCAST = "notifications/models/inbox.py", "notifications/models/broadcast.py"
BOARD, JOB = "notifications/models/board.py", "notifications/models/job.py"
STAMPING, PUSH = "notifications/models/stamping.py", "notifications/live/push.py"
THREAD, TELLING = "notifications/models/thread.py", "notifications/telling.py"

Edit = tuple[str, str, str]  # a file, what stands in it exactly once, and what comes in its place


@dataclass(frozen=True)
class Mutation:
    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]  # in notifications/tests: test_hub.py::test_something
    database: str = "sqlite"


def mutation(
    name: str, file: str, old: str, new: str, *tests: str, also: tuple[Edit, ...] = (), database: str = "sqlite"
) -> Mutation:
    return Mutation(name, ((file, old, new), *also), tests, database)


NOTHING_IS_LOST_AND_NOTHING_SHOWS_TWICE = [
    mutation(
        "a frame is delivered to a page that has moved meanwhile",
        HUB,
        "elif outlet.position != position or outlet.is_busy:",
        "elif outlet.is_busy:",
        "test_hub.py::test_a_page_that_moves_while_its_frame_is_made_gets_another_one",
    ),
    mutation(
        "a page is read for first, and joins then",
        HUB,
        "        self.outlets[outlet.inbox_id].add(outlet)\n"
        "        metrics.SOCKETS.inc()\n"
        "        self.mark_dirty([outlet.inbox_id])\n",
        "        async def read_and_join():\n"
        "            position = outlet.position\n"
        "            frames = await self._frames({outlet.inbox_id: {position}})\n"
        "            self._deliver(outlet, position, frames[outlet.inbox_id][position])\n"
        "            self.outlets[outlet.inbox_id].add(outlet)\n"
        "            metrics.SOCKETS.inc()\n\n"
        "        self._loop.create_task(read_and_join())\n",
        "test_hub.py::test_what_commits_while_a_page_that_has_just_come_is_read_for_is_not_lost",
    ),
    mutation(
        "nobody looks for what lost nudges have left behind",
        SWEEPER,
        "await self.sweep()",
        "pass",
        "test_bus.py::test_with_a_dead_bus_the_sweep_brings_it",
    ),
    mutation(
        "the sweep forgets the board",
        SWEEPER,
        "hub.broadcasts.look_again()",
        "pass",
        "test_broadcast_stream.py::test_a_nudge_that_is_lost_is_made_up_for_by_the_sweep",
    ),
    mutation(
        "an inbox is changed without its lock",
        INBOX,
        '.order_by("pk").select_for_update(no_key=True)',
        '.order_by("pk")',
        "test_concurrency.py::test_twenty_writers_to_one_inbox_leave_no_gap_and_no_doubt_about_the_order",
        "test_concurrency.py::test_many_readers_of_one_inbox_act_while_more_arrives",
        database="postgresql",
    ),
    mutation(
        "inboxes are locked in any order",
        INBOX,
        '.order_by("pk").select_for_update(no_key=True)',
        '.order_by("?").select_for_update(no_key=True)',
        "test_concurrency.py::test_those_who_stamp_the_same_inboxes_never_wait_for_each_other_in_a_circle",
        "test_concurrency.py::test_mailings_in_opposite_orders_never_wait_for_each_other_in_a_circle",
        database="postgresql",
    ),
    mutation(
        "what is taken back is deleted",
        INBOX,
        "change.update(self.notifications.filter(pk__in=taken_back, retracted_at=None), retracted_at=clock.now())",
        "change.is_real = bool(self.notifications.filter(pk__in=taken_back).delete())",
        "test_delivery.py::test_a_retracted_one_stays_retracted",
    ),
    mutation(
        "what is archived is deleted",
        INBOX,
        'return self._mark(self.notifications.unarchived().filter(key__in=keys), "archived_at", keys)',
        'return Undo(self.pk, "archived_at", clock.now(), self.revision, '
        "self.notifications.filter(key__in=keys).delete()[0])",
        "test_models.py::test_unarchiving_brings_an_item_back_as_it_was",
    ),
    mutation(
        "positions under another epoch are believed",
        "notifications/live/positions.py",
        'is_of_now = form.get("epoch") == epoch',
        "is_of_now = True",
        "test_views.py::test_changes_are_the_whole_list_for_a_position_that_means_nothing",
    ),
    mutation(
        "open pages outlive their epoch",
        HUB,
        'if self.epoch not in {"", epoch}:',
        "if False:",
        "test_hub.py::test_a_new_epoch_sends_every_page_the_full_list_once",
    ),
    mutation(
        "positions below the floor are believed",
        "notifications/live/missing.py",
        "inbox.floor <= position.lacks_from <= position.since",
        "position.lacks_from <= position.since",
        "test_resume.py::test_a_position_below_the_floor_gets_the_full_list",
    ),
    mutation(
        "retention raises no floor",
        "notifications/models/change.py",
        "        self.inbox.floor = self.revision\n",
        "",
        "test_retention.py::test_pages_of_the_past_get_the_full_list",
    ),
    mutation(
        "a page is believed how far it has come, over the hub",
        OUTLET,
        "since, board = self.position.since, self.position.board",
        "since, board = said.since, said.board",
        "test_outlets.py::test_a_page_that_claims_to_stand_elsewhere_gets_nothing_twice_and_misses_nothing",
    ),
    mutation(
        "what a dead writer left is not stamped",
        "notifications/management/commands/tick.py",
        "left = pending_inboxes(BATCH)",
        "left = []",
        "test_commands.py::test_the_tick_stamps_what_a_dead_writer_left",
    ),
    mutation(
        "the board is changed without its lock",
        BOARD,
        "locked = cls.objects.select_for_update()",
        "locked = cls.objects.all()",
        "test_broadcast_concurrency.py::test_ten_clicks_publish_it_once",
        "test_broadcast_concurrency.py::test_one_withdraws_while_another_ends_it",
        database="postgresql",
    ),
    mutation(
        "a broadcast leaves the board where it is",
        BOARD,
        "            self.revision += 1\n",
        "",
        "test_broadcast_stream.py::test_an_edit_changes_it_in_place",
    ),
    mutation(
        "rows that commit after the position was read are told of twice",
        "notifications/live/missing.py",
        "revision__gt=since, revision__lte=inbox.revision)",
        "revision__gt=since)",
        "test_stream.py::test_what_commits_while_a_frame_is_made_is_toasted_once",
    ),
    mutation(
        "a page says that it shows what came after its rows were read",
        "notifications/views/inbox.py",
        "    filters = filters_of(request.inbox, view)\n",
        '    filters = filters_of(request.inbox, view)\n    request.inbox.refresh_from_db(fields=["revision"])\n',
        "test_stream.py::test_what_commits_while_a_page_is_made_is_in_its_first_frame",
    ),
]

NOTHING_IS_SHOWN_THAT_WAS_NOT_COMMITTED = [
    mutation(
        "notifications are stamped before the commit",
        "notifications/delivery.py",
        "transaction.on_commit(settle_waiting, robust=True)",
        "settle_waiting()",
        "test_delivery.py::test_nothing_is_stamped_or_locked_before_the_callers_commit",
        also=((STAMPING, "with transaction.atomic(durable=True):", "with transaction.atomic():"),),
    ),
    mutation(
        "arrivals are nudged about before the commit",
        STAMPING,
        "transaction.on_commit(partial(push.nudge, arrived), robust=True)",
        "push.nudge(arrived)",
        "test_bus.py::test_nudges_leave_after_the_commit",
    ),
    mutation(
        "acts are nudged about before the commit",
        INBOX,
        "transaction.on_commit(partial(push.nudge, {self.pk: self.revision}), robust=True)",
        "push.nudge({self.pk: self.revision})",
        "test_bus.py::test_nudges_leave_after_the_commit",
    ),
    mutation(
        "broadcasts are nudged about before the commit",
        BOARD,
        "transaction.on_commit(partial(push.nudge_board, board.revision), robust=True)",
        "push.nudge_board(board.revision)",
        "test_bus.py::test_nudges_leave_after_the_commit",
    ),
    mutation(
        "jobs are nudged about before the commit",
        JOB,
        "transaction.on_commit(partial(push.nudge_job, str(self.pk), self.inbox_id, self.version), robust=True)",
        "push.nudge_job(str(self.pk), self.inbox_id, self.version)",
        "test_bus.py::test_nudges_leave_after_the_commit",
    ),
]

A_DEAD_BUS_DELAYS_AND_BREAKS_NOTHING = [
    mutation(
        "who causes a nudge waits until it is sent",
        PUSH,
        "time.sleep(0)  # the sender's turn",
        "self.flush(60.0)  # the sender's turn",
        "test_bus.py::test_who_causes_a_nudge_goes_on_before_it_is_sent",
    ),
    mutation(
        "what the sweep has found is told as the merit of the bus",
        "notifications/live/echo_watch.py",
        "Waking(SWEEP, revision",
        "Waking(BUS, revision",
        "test_echo.py::test_with_a_dead_bus_the_way_by_the_sweep_is_told",
    ),
]

ALL_TABS_AGREE = [
    mutation(
        "all is marked as read, what is on its way included",
        INBOX,
        "self.notifications.in_view(view).arrived_by(upto)",
        "self.notifications.in_view(view)",
        "test_acts.py::test_it_leaves_alone_what_came_after_the_page",
    ),
    mutation(
        "the bell has seen what its page had not",
        INBOX,
        ".changed_since(self.seen_revision).arrived_by(upto)",
        ".changed_since(self.seen_revision)",
        "test_models.py::test_having_seen_leaves_rows_unread_and_what_arrived_later_unseen",
    ),
]

A_BROADCAST_COSTS_THE_SAME_FOR_TEN_AND_FOR_A_MILLION = [
    mutation(
        "publishing makes the rows of all readers",
        BROADCAST,
        'BroadcastEvent.note(self, "published", by)',
        'BroadcastEvent.note(self, "published", by)\n'
        "        for user in self.users():\n"
        '            self.reach(user._meta.get_field("inbox").related_model.objects.filter(user=user))',
        "test_broadcast_stream.py::test_publishing_costs_the_same_for_ten_and_for_a_thousand",
    ),
]

EVERY_JOB_ENDS_AND_ITS_OWNER_IS_TOLD = [
    mutation(
        "a message that comes twice has the job done twice",
        JOB,
        "if self.state not in WAITING or self.attempt != attempt - 1:",
        "if False:",
        "test_jobs.py::test_the_same_message_twice_does_it_once",
    ),
    mutation(
        "a report is not under the number of its attempt",
        JOB,
        'where={"id": [self.pk], "attempt": [self.attempt], "state": WORKING}',
        'where={"id": [self.pk], "state": WORKING}',
        "test_jobs.py::test_a_zombie_changes_nothing_of_its_successor",
    ),
    mutation(
        "the owner is told of the end in another transaction",
        "notifications/job_ends.py",
        "put([job.inbox_id], job.item_key, draft_of(job, state))",
        "transaction.on_commit(partial(put, [job.inbox_id], job.item_key, draft_of(job, state)))",
        "test_job_holes.py::test_its_owner_is_told_although_the_process_died_right_after_it_had_written_the_end",
    ),
    mutation(
        "nobody gives up on a worker that has fallen silent",
        "notifications/job_keeper.py",
        "if silent >= settings.JOB_LOST_SECONDS:",
        "if False:",
        "test_job_holes.py::test_a_tick_that_is_always_slow_finds_the_lost_as_well",
    ),
]

A_STRANGER_SEES_NOTHING = [
    mutation(
        "pages of other sites may open sockets",
        "notifications/live/consumers.py",
        "if not origin.is_allowed(self.scope):",
        "if False:",
        "test_door.py::test_pages_of_elsewhere_and_rubbish_stay_out_without_a_traceback",
    ),
    mutation(
        "the page of one reader is served as another's",
        "notifications/live/consumers.py",
        'if form.get("inbox") != str(inbox.pk):',
        "if False:",
        "test_door.py::test_a_page_of_somebody_else_is_told_so",
    ),
    mutation(
        "nobody looks at sessions when they may have ended",
        HUB,
        "            self.sessions.nudged,\n",
        "            lambda *_: None,\n",
        "test_door.py::test_signing_out_closes_that_sessions_sockets_and_says_so",
    ),
    mutation(
        "the sweep does not look at sessions either",
        SWEEPER,
        "if now is None or outlet.access != now[1]:",
        "if now is None:",
        "test_door.py::test_signing_out_while_the_bus_is_dead_is_found_by_the_sweep",
    ),
    mutation(
        "sockets of deactivated accounts stay open",
        "notifications/live/sessions.py",
        "if user is not None and user.is_active and is_current(found, user):",
        "if user is not None and is_current(found, user):",
        "test_door.py::test_a_deactivated_account_has_no_sockets",
    ),
    mutation(
        "the item of any reader can be opened",
        "notifications/lists.py",
        "inbox.notifications.stamped()",
        "Notification.objects.stamped()",
        "test_views.py::test_the_item_of_another_reader_is_a_404_and_stays_unread",
    ),
    mutation(
        "whoever guesses a job has its page",
        JOB,
        "return job.inbox.user_id == user.pk or may_watch_all(user)",
        "return True",
        "test_job_pages.py::test_strangers_find_no_job",
    ),
    mutation(
        "whoever guesses a job watches it live",
        "notifications/live/job_frames.py",
        "if job is not None and not is_own and position.user_id in asked.watchers:",
        "if job is not None and not is_own:",
        "test_job_stream.py::test_a_stranger_learns_nothing_of_a_guessed_job",
    ),
    mutation(
        "rows of one key are shared between inboxes",
        FRAMES,
        "of = (row.inbox_id, row.key, position.language, position.zone)",
        "of = (row.key, position.language, position.zone)",
        "test_stream.py::test_what_two_readers_have_under_one_key_stays_apart",
    ),
    mutation(
        "frames are shared between readers who see something else",
        FRAMES,
        "*map(look_of, inbox.announcements))",
        ")",
        "test_broadcast_stream.py::test_it_reaches_those_whom_it_addresses_and_nobody_else",
    ),
    mutation(
        "the bus carries what was sent",
        PUSH,
        '(groups.inbox(inbox_id), {"type": groups.CHANGED, "revisions": wire({inbox_id: revision})})',
        '(groups.inbox(inbox_id), {"type": groups.CHANGED, "revisions": wire({inbox_id: revision}), "html": "<li>"})',
        "test_bus.py::test_nudges_that_wait_are_merged",
    ),
]

ONE_SLOW_BROWSER_NEVER_DELAYS_ANOTHER = [
    mutation(
        "the hub waits for a socket",
        HUB,
        "self._deliver(outlet, position, frame)\n        self.last_flush",
        "self._deliver(outlet, position, frame)\n"
        "                    if outlet._sending:\n"
        "                        await outlet._sending\n"
        "        self.last_flush",
        "test_hub.py::test_a_send_that_never_returns_keeps_nobody_waiting",
    ),
    mutation(
        "a page that never answers is sent more and more",
        OUTLET,
        "        if self._sending or self._full_since is not None:\n            return 0.5",
        "        if self._sending:\n            return 0.5",
        "test_outlets.py::test_a_page_that_does_not_acknowledge_gets_256_kib_and_is_stuck_after_30_s",
    ),
]

WHAT_WAS_WRITTEN_CAN_DO_NOTHING = [
    mutation(
        "the body of a broadcast is marked safe as it was rendered",
        "notifications/models/markdown.py",
        "return nh3.clean(\n        _markdown.render(text), tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, "
        'link_rel="noopener noreferrer"\n    )',
        "return _markdown.render(text)",
        "test_markdown.py::test_nothing_comes_through",
        also=(("notifications/models/markdown.py", '{"html": False,', '{"html": True,'),),
    ),
    mutation(
        "the excerpt of a body is not escaped",
        "templates/notifications/_notification.html",
        "{{ excerpt }}",
        "{{ excerpt|safe }}",
        "test_inert.py::test_what_was_sent_is_text_wherever_it_is_shown",
    ),
    mutation(
        "a title is not escaped",
        "notifications/models/notification.py",
        'return format_html("<bdi>{}</bdi>", self.title_text)',
        'return mark_safe(f"<bdi>{self.title_text}</bdi>")',
        "test_inert.py::test_what_was_sent_is_text_wherever_it_is_shown",
    ),
]

WHAT_IS_SAID_REACHES_WHO_IT_IS_FOR = [
    mutation(
        "a message is given its number without the lock",
        THREAD,
        "self.refresh_from_db(from_queryset=Thread.objects.select_for_update(no_key=True))",
        "self.refresh_from_db()",
        "test_thread_concurrency.py::test_many_who_speak_at_once_get_numbers_in_the_order_of_the_commits",
        database="postgresql",
    ),
    mutation(
        "the sweep does not look at threads",
        SWEEPER,
        "        await hub.threads.sweep()\n",
        "",
        "test_thread_stream.py::test_what_lost_nudges_have_left_behind_the_sweep_finds",
    ),
    mutation(
        "a page that has loaded older messages is not heard",
        "notifications/live/thread_watch.py",
        "outlet.thread = replace(held, first=said.first, loaded_at=min(said.loaded_at, held.loaded_at))",
        "return",
        "test_thread_stream.py::test_what_changed_while_older_ones_were_on_their_way_comes_again",
    ),
    mutation(
        "whoever names a thread in their form gets it",
        "notifications/live/thread_frames.py",
        "return {seat for seat in seats if not is_open.get(seat[0]) and seat not in inside}",
        "return set()",
        "test_thread_stream.py::test_a_strangers_socket_that_asks_for_a_thread_stays_silent",
        "test_thread_stream.py::test_who_is_sent_away_sees_nothing_more_of_it",
    ),
    mutation(
        "who may see it is asked before the messages are read",
        "notifications/live/thread_frames.py",
        "    messages = changed_messages(threads, wanted)\n",
        "    seats = {(position.thread_id, inbox_id) for position, ids in wanted.items() for inbox_id in ids}\n"
        "    strangers = outside(threads, seats)\n"
        "    messages = changed_messages(threads, wanted)\n",
        "test_thread_stream.py::test_what_is_said_while_somebody_is_sent_away_does_not_reach_them",
        also=(
            (
                "notifications/live/thread_frames.py",
                "return frames, outside(threads, seats)",
                "return frames, strangers",
            ),
        ),
    ),
    mutation(
        "who has it open is rung at",
        TELLING,
        "    if not those_inside:\n",
        "    if False:\n",
        "test_telling.py::test_who_has_it_open_is_left_alone",
    ),
    mutation(
        "who only seemed to read it is never told",
        "notifications/management/commands/tick.py",
        "            telling.tell(thread)\n",
        "            pass\n",
        "test_telling.py::test_who_had_it_open_and_did_not_read_it_is_told_by_the_tick",
        "test_telling.py::test_what_a_writer_that_died_has_told_nobody_the_tick_tells",
    ),
    mutation(
        "who was in a process that died stays for ever",
        "notifications/models/thread_presence.py",
        "return cls.objects.filter(thread__in=thread_ids, until__gt=clock.now())",
        "return cls.objects.filter(thread__in=thread_ids)",
        "test_here.py::test_who_was_in_a_process_that_died_leaves_within_seconds",
    ),
    mutation(
        "who is invisible is shown",
        "notifications/models/thread_presence.py",
        ".filter(Q(inbox__is_invisible=False))",
        "",
        "test_here.py::test_who_wants_to_be_invisible_is_not_shown_and_is_not_rung_either",
    ),
    mutation(
        "who is blocked may write",
        "notifications/threads.py",
        "    if theirs.blocks.filter(user=mine.user_id).exists():\n",
        "    if False:\n",
        "test_threads.py::test_who_is_blocked_can_begin_nothing_and_go_on_with_nothing",
    ),
    mutation(
        "what was taken back stays in inboxes",
        TELLING,
        "    wish_for_each(notifications_of(message), Retraction())\n",
        "    pass\n",
        "test_threads.py::test_what_is_taken_back_is_gone_from_the_thread_and_from_every_inbox",
    ),
]

MUTATIONS = [
    *NOTHING_IS_LOST_AND_NOTHING_SHOWS_TWICE,
    *NOTHING_IS_SHOWN_THAT_WAS_NOT_COMMITTED,
    *A_DEAD_BUS_DELAYS_AND_BREAKS_NOTHING,
    *ALL_TABS_AGREE,
    *A_BROADCAST_COSTS_THE_SAME_FOR_TEN_AND_FOR_A_MILLION,
    *EVERY_JOB_ENDS_AND_ITS_OWNER_IS_TOLD,
    *A_STRANGER_SEES_NOTHING,
    *ONE_SLOW_BROWSER_NEVER_DELAYS_ANOTHER,
    *WHAT_WAS_WRITTEN_CAN_DO_NOTHING,
    *WHAT_IS_SAID_REACHES_WHO_IT_IS_FOR,
]
