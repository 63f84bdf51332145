-- An entry that was staged again, because the fast lane had been emptied, and refused again is one
-- letter still: two would count as two entries in its recorder's account, and hide one that is lost.
DELETE FROM "audit"."audit_dead_letter" AS "again" USING "audit"."audit_dead_letter" AS "first"
WHERE "again"."number" > "first"."number"
  AND "again"."recorder_id" = "first"."recorder_id"
  AND "again"."recorder_seq" = "first"."recorder_seq"
  AND "again"."entry" = "first"."entry";
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_dead_letter_entry" ON "audit"."audit_dead_letter" USING btree ("recorder_id","recorder_seq",hashtextextended("entry", 0)) WHERE "audit"."audit_dead_letter"."recorder_id" is not null;
