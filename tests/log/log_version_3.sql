BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	at BIGINT, 
	call VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "answers" VALUES(1,'261127-100717-6m24e',1795774037035712,'create','{"id": "cgt-20261127100717-a5d613c2"}');
INSERT INTO "answers" VALUES(2,'261127-100717-6m24e',1795774037117638,'get','{"id": "cgt-20261127100717-a5d613c2", "model": "seedance-1-0-lite-i2v-250428", "status": "succeeded", "created_at": 1795774037, "updated_at": 1795774037, "service_tier": "default", "execution_expires_after": 175568, "content": {"video_url": "http://simulator/files/cgt-20261127100717-a5d613c2/video.mp4?signature=977d8577b44da02d"}, "usage": {"completion_tokens": 19600, "total_tokens": 19600}, "seed": 11, "resolution": "480p", "ratio": "1:1", "duration": 2, "framespersecond": 24}');
INSERT INTO "answers" VALUES(3,'261127-100718-ztnp2',1795774038577638,'create','{"id": "cgt-20261127100718-fd59706b"}');
INSERT INTO "answers" VALUES(4,'261127-100718-ztnp2',1795774038676918,'get','{"id": "cgt-20261127100718-fd59706b", "model": "seedance-1-0-pro-250528", "status": "succeeded", "created_at": 1795774038, "updated_at": 1795774038, "service_tier": "default", "execution_expires_after": 190430, "content": {"video_url": "http://simulator/files/cgt-20261127100718-fd59706b/video.mp4?signature=69fda25deb4c701f"}, "usage": {"completion_tokens": 19600, "total_tokens": 19600}, "seed": 12, "resolution": "480p", "ratio": "1:1", "duration": 2, "framespersecond": 24}');
CREATE TABLE kernels (
	owner VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	born_at FLOAT NOT NULL, 
	beat_at BIGINT, 
	version INTEGER, 
	PRIMARY KEY (owner)
);
CREATE TABLE looks (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"by" TEXT, 
	seen INTEGER NOT NULL, 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','3');
CREATE TABLE studies (
	name VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	definition TEXT NOT NULL, 
	defined_at BIGINT, 
	revealed_at BIGINT, 
	PRIMARY KEY (name, simulated)
);
CREATE TABLE tasks (
	"key" VARCHAR(32) NOT NULL, 
	task_id VARCHAR(128), 
	status VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	mode VARCHAR(24), 
	model VARCHAR(64), 
	prompt TEXT, 
	resolution VARCHAR(16), 
	ratio VARCHAR(16), 
	width INTEGER, 
	height INTEGER, 
	duration INTEGER, 
	frames INTEGER, 
	seed BIGINT, 
	requested_seed BIGINT, 
	camera_fixed BOOLEAN, 
	watermark BOOLEAN, 
	generate_audio BOOLEAN, 
	service_tier VARCHAR(16), 
	first_frame TEXT, 
	last_frame TEXT, 
	reference_images TEXT, 
	tokens BIGINT, 
	usd FLOAT, 
	est_tokens BIGINT, 
	est_usd FLOAT, 
	price_id TEXT, 
	file VARCHAR(16) NOT NULL, 
	video_path TEXT, 
	last_frame_path TEXT, 
	sha256 VARCHAR(64), 
	error_code TEXT, 
	error_message TEXT, 
	created_at BIGINT, 
	finished_at BIGINT, 
	saved_at BIGINT, 
	parent_key VARCHAR(32), 
	study TEXT, 
	arm TEXT, 
	item TEXT, 
	verdict TEXT, 
	simulated BOOLEAN NOT NULL, 
	poster_path TEXT, 
	preview_path TEXT, 
	error_param TEXT, 
	note TEXT, 
	usd_per_million FLOAT, 
	reserved_usd FLOAT NOT NULL, 
	nonce INTEGER, 
	matched_by VARCHAR(16), 
	candidates TEXT, 
	owner VARCHAR(32), 
	chain VARCHAR(64), 
	resent_as VARCHAR(32), 
	study_seed BIGINT, 
	wire_model TEXT, 
	body TEXT, 
	request_id TEXT, 
	client_request_id TEXT, 
	video_url TEXT, 
	last_frame_url TEXT, 
	intent_at BIGINT, 
	sent_at BIGINT, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "tasks" VALUES('261127-100717-6m24e','cgt-20261127100717-a5d613c2','succeeded','standard','reference','seedance-1-0-lite-i2v-250428','a fox','480p','1:1',640,640,2,49,11,11,0,0,0,'default',NULL,NULL,'["https://example.com/fox.png"]',19600,0.03528,19600,0.03528,'seedance-1-0-lite-i2v/default@2026-10','saved','media/261127-100717-6m24e/video.mp4',NULL,'1b1a5752076525baffdc6d4554684e630c781767f00e9049ca64f693a731bcce',NULL,NULL,1795774037000000,1795774037000000,1795774038566828,NULL,NULL,NULL,NULL,NULL,1,'media/261127-100717-6m24e/poster.jpg',NULL,NULL,NULL,1.8,0.0,2768,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-0-lite-i2v-250428','{"model": "seedance-1-0-lite-i2v-250428", "content": [{"type": "text", "text": "a fox"}, {"type": "image_url", "image_url": {"url": "https://example.com/fox.png"}, "role": "reference_image"}], "resolution": "480p", "ratio": "1:1", "duration": 2, "seed": 11, "execution_expires_after": 175568}','4b5e5aa394dd10264a50e3348d24c34a','834fae3e52574f0793d080ab9cc4fa0d','http://simulator/files/cgt-20261127100717-a5d613c2/video.mp4?signature=977d8577b44da02d',NULL,1795774037009971,NULL,3);
INSERT INTO "tasks" VALUES('261127-100718-ztnp2','cgt-20261127100718-fd59706b','succeeded','standard','text','seedance-1-0-pro-250528','an owl','480p','1:1',640,640,2,49,12,12,0,0,0,'default',NULL,NULL,NULL,19600,0.049,19600,0.049,'seedance-1-0-pro/default@2026-06','saved','media/261127-100718-ztnp2/video.mp4',NULL,'2d2b5c537e9224a96b63cb2bb91ca3e0455117b60aa80daced32297696ef48a3',NULL,NULL,1795774038000000,1795774038000000,1795774038927319,NULL,NULL,NULL,NULL,NULL,1,'media/261127-100718-ztnp2/poster.jpg',NULL,NULL,NULL,2.5,0.0,17630,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-0-pro-250528','{"model": "seedance-1-0-pro-250528", "content": [{"type": "text", "text": "an owl"}], "resolution": "480p", "ratio": "1:1", "duration": 2, "seed": 12, "execution_expires_after": 190430}','0a4d11188ca0c6fa2567d1927cff25ea','91be1a3518fd4510be2362f3ee9de32d','http://simulator/files/cgt-20261127100718-fd59706b/video.mp4?signature=69fda25deb4c701f',NULL,1795774038573260,NULL,3);
CREATE TABLE verdicts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	verdict VARCHAR(16), 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE votes (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	rater VARCHAR(128) NOT NULL, 
	trial VARCHAR(64) NOT NULL, 
	left_key VARCHAR(32) NOT NULL, 
	right_key VARCHAR(32) NOT NULL, 
	choice VARCHAR(16) NOT NULL, 
	criterion VARCHAR(64), 
	kind VARCHAR(16) NOT NULL, 
	seconds FLOAT, 
	sound BOOLEAN, 
	at BIGINT, 
	undone_at BIGINT, 
	PRIMARY KEY (id)
);
CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce);
CREATE INDEX tasks_study ON tasks (study);
CREATE INDEX tasks_money ON tasks (simulated, usd, reserved_usd);
CREATE INDEX ix_tasks_task_id ON tasks (task_id);
CREATE INDEX ix_tasks_status ON tasks (status);
CREATE INDEX ix_answers_key ON answers ("key");
CREATE INDEX ix_verdicts_key ON verdicts ("key");
CREATE INDEX votes_of ON votes (study, simulated, rater);
COMMIT;
